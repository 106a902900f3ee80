"""Query reformulators: map a query with its feedback passages to a vector in the space of a retriever."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer

from cmploss.atomic import read_json, write_json
from cmploss.choices import check_option
from cmploss.devices import choose_device
from cmploss.errors import UserError
from cmploss.finite import check_weights
from cmploss.model_files import let_others_read, plain_errors
from cmploss.pooled.pooled_classifier import Pooling, PoolingMode
from cmploss.retrieval.encoder import Encoder
from cmploss.retrieval.feedback_methods import FeedbackMethod, Vectors
from cmploss.retrieval.index import Found, Index
from cmploss.retrieval.vector_models import SparseModel, SparseSettings, VectorModel
from cmploss.tasks.prf.prf_config import FeedbackConfig
from cmploss.tasks.prf.revisions import FeedbackReader, reads_segments

Output = Literal["l2", "layer_norm", "none"]
SETTINGS_FILE = "reformulator.json"
HEAD_FILE = "head.safetensors"
READER_FILE = "feedback.json"


@dataclass(frozen=True)
class DenseSettings:
    """Settings of a dense reformulator, the same as those of the retriever."""

    pooling: PoolingMode
    output: Output
    width: int

    def __post_init__(self) -> None:
        check_option("pooling", self.pooling, get_args(PoolingMode))
        check_option("output", self.output, get_args(Output))


class DenseReformulator(VectorModel):
    """Encoder, pooling, a linear layer and a normalisation.

    ``v = norm(W · pool(h) + b)``. ``W`` starts as the identity and ``b`` as 0: before training, an input without
    feedback has the retriever's vector. If the retriever has a linear layer or a layer norm, its weights are the
    initial weights (see :func:`dense_reformulator`).

    References:
        Zhu et al. 2022 (arXiv 2204.11545), which uses CLS, a linear layer and a layer norm; the rest is ours.
    """

    kind = "dense"

    def __init__(self, encoder: Any, settings: DenseSettings):
        linear = nn.Linear(encoder.config.hidden_size, settings.width)
        nn.init.eye_(linear.weight)
        nn.init.zeros_(linear.bias)
        norm = {"layer_norm": nn.LayerNorm(settings.width)} if settings.output == "layer_norm" else {}
        super().__init__(encoder, {"linear": linear, **norm}, settings)
        self.pooling = Pooling(settings.pooling)

    def vectors_of(self, outputs: Any, attention_mask: Tensor) -> Tensor:
        vectors: Tensor = self.head["linear"](self.pooling(outputs.last_hidden_state, attention_mask))
        if self.settings.output == "layer_norm":
            vectors = self.head["layer_norm"](vectors)
        return F.normalize(vectors, dim=-1) if self.settings.output == "l2" else vectors


def dense_reformulator(encoder: Encoder) -> DenseReformulator:
    """A reformulator initialised from the retriever: a query without feedback has the same vector.

    It has the retriever's pooling and normalisation, and the weights of its linear layer or layer norm (as in ANCE).
    The transformer is shared, not copied, so training changes the retriever.
    """
    transformer, pooling, *rest = list(encoder.module)
    later = {type(module).__name__: module for module in rest}
    linear, norm = later.get("Dense"), later.get("LayerNorm")
    names = ["Transformer", "Pooling", *(name for name in ("Dense", "LayerNorm", "Normalize") if name in later)]
    found = [type(module).__name__ for module in encoder.module]
    # Normalize would hide the scale of a layer norm, so only one of the two can be last.
    if found != names or pooling.pooling_mode not in ("cls", "mean") or {"LayerNorm", "Normalize"} <= set(later):
        raise UserError(
            f"model {encoder.name}: no reformulator is known for {' → '.join(found)} with pooling "
            f"{pooling.pooling_mode!r}; it must be Transformer → Pooling (cls or mean) [→ Dense] [→ LayerNorm or "
            "Normalize]"
        )
    if linear is not None and not isinstance(linear.activation_function, nn.Identity):
        raise UserError(f"model {encoder.name}: its linear layer has an activation; reformulators support none")
    output: Any = "layer_norm" if norm is not None else "l2" if "Normalize" in later else "none"
    model = DenseReformulator(
        transformer.auto_model, DenseSettings(pooling.pooling_mode, output, width=int(encoder.width))
    )
    if linear is not None:
        _copy(linear.linear, model.head["linear"])
    if norm is not None:
        _copy(norm.norm, model.head["layer_norm"])
    return model


def save_reformulator(model: VectorModel, folder: str | Path) -> None:
    """Write the encoder as a plain checkpoint, and the settings and the head next to it."""
    model.encoder.save_pretrained(folder)
    save_file(model.head.state_dict(), Path(folder) / HEAD_FILE)
    let_others_read(Path(folder))
    write_json(Path(folder) / SETTINGS_FILE, {"kind": model.kind, **asdict(model.settings)})


def load_reformulator(folder: str | Path) -> VectorModel:
    """A reformulator as :func:`save_reformulator` wrote it, in eval mode."""
    settings = _settings_in(Path(folder), SETTINGS_FILE)
    with plain_errors(str(folder)):
        return _loaded(folder, settings)


def _settings_in(folder: Path, name: str) -> dict[str, Any]:
    if not (folder / name).exists():
        raise UserError(f"{folder / name}: no such file; give a folder that cmploss retrieve train wrote")
    return read_json(folder / name, dict)


def _loaded(folder: str | Path, settings: dict[str, Any]) -> VectorModel:
    model: VectorModel
    if settings.pop("kind") == DenseReformulator.kind:
        model = DenseReformulator(AutoModel.from_pretrained(folder, dtype=torch.float32), DenseSettings(**settings))
    else:
        loader: Any = AutoModelForMaskedLM if settings["head"] == "mlm" else AutoModel
        settings["special"] = tuple(settings["special"])
        model = SparseModel(loader.from_pretrained(folder, dtype=torch.float32), SparseSettings(**settings))
    model.head.load_state_dict(load_file(Path(folder) / HEAD_FILE))
    check_weights(model, f"model {folder}")
    return model.eval()


@dataclass(frozen=True, eq=False)
class TrainedFeedback:
    """A reformulator, its input settings, and the retriever whose vector space it uses.

    ``retriever`` has ``model`` and ``weights`` (a fingerprint, if known) of the index that it was trained for.
    """

    model: VectorModel
    reader: FeedbackReader
    retriever: Mapping[str, Any]

    def save(self, folder: str | Path) -> None:
        """Write a plain checkpoint of the encoder with its tokenizer, and the other settings next to it."""
        save_reformulator(self.model, folder)
        self.reader.tokenizer.save_pretrained(folder)
        entry = {**asdict(self.reader.config), "prompt": self.reader.prompt, "retriever": dict(self.retriever)}
        write_json(Path(folder) / READER_FILE, entry)

    @classmethod
    def load(cls, folder: str | Path) -> "TrainedFeedback":
        """What :meth:`save` wrote, in eval mode, on the accelerator if there is one."""
        model = load_reformulator(folder)
        entry = _settings_in(Path(folder), READER_FILE)
        with plain_errors(str(folder)):
            config = FeedbackConfig(**{field.name: entry[field.name] for field in fields(FeedbackConfig)})
            reader = FeedbackReader(AutoTokenizer.from_pretrained(folder), config, prompt=entry["prompt"])
            return cls(model.to(choose_device()), reader, entry["retriever"])

    def vectors(self, queries: Sequence[str], passages: Sequence[Sequence[str]], batch_size: int = 32) -> Vectors:
        """New vectors ``(Q, H)`` of queries with their feedback passages, in batches of similar length."""
        segments = reads_segments(self.model)
        pairs = zip(queries, passages, strict=True)
        inputs = [self.reader(query, found).columns(segments=segments) for query, found in pairs]
        return self.model.encode(self.reader.tokenizer, inputs, batch_size)

    def method(self, index: Index, documents: Sequence[str], batch_size: int = 32) -> FeedbackMethod:
        """The reformulator as a feedback method over the index that is searched, with the text of every row."""
        trained, found = self.retriever["weights"], index.settings.get("weights")
        if trained != found:
            raise UserError(
                f"the reformulator makes vectors of {self.retriever['model']} (weights {trained}), but the index has "
                f"vectors of {index.model} (weights {found}); give the index that it was trained for"
            )

        def method(texts: Sequence[str], vectors: Vectors, first: Found, k: int) -> Vectors:
            if k > self.reader.config.max_feedback:
                raise UserError(f"k={k}: the reformulator reads at most {self.reader.config.max_feedback}")
            passages = [[documents[row] for row in rows[:k]] for rows in first[1].tolist()]
            return self.vectors(texts, passages, batch_size)

        return method


def _copy(source: Any, target: nn.Module) -> None:
    # A layer without a bias keeps the target's bias, which is 0.
    target.load_state_dict({**target.state_dict(), **source.state_dict()})
