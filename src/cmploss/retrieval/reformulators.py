"""Query reformulators: a query with its feedback passages, as one input, to a new query vector.

They write into the vector space of a retriever that stays as it is. What is saved is a plain transformers checkpoint of
the encoder, with the few weights on top of it in a file beside.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoModel, AutoModelForMaskedLM
from transformers.utils.generic import ModelOutput

from cmploss.errors import UserError
from cmploss.settings import check_option

Pooling = Literal["cls", "mean"]
Output = Literal["l2", "layer_norm", "none"]
Head = Literal["mlm", "tied"]
TokenWeights = Literal["relu", "log", "l2"]
SETTINGS_FILE = "reformulator.json"
HEAD_FILE = "head.safetensors"
ALIKE = 3 / 4  # rows of this share of the longest are padded to it


@dataclass
class ReformulatorOutput(ModelOutput):
    """What a reformulator returns.

    Attributes:
        vectors: Query vectors ``(batch, H)``; for a sparse one ``H`` is the vocabulary.
    """

    vectors: Tensor | None = None


class Reformulator(nn.Module, ABC):
    """An encoder and what turns its outputs into one vector for each input.

    Attributes:
        kind: ``"dense"`` or ``"sparse"``.
        encoder: The transformers model, on its own what ``AutoModel`` loads from a saved folder.
        head: Layers on top of it.
        settings: What is saved beside the weights.
    """

    kind: str

    def __init__(self, encoder: Any, head: dict[str, nn.Module], settings: Any):
        super().__init__()
        self.encoder = encoder
        self.head = nn.ModuleDict(head)
        self.settings = settings

    @property
    def config(self) -> Any:
        """The encoder's config."""
        return self.encoder.config

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> Any:
        """Inputs ``(batch, tokens)`` to :class:`ReformulatorOutput`.

        Rows of similar length go through the encoder together: the feedback of a batch is of every size.
        """
        inputs = {"input_ids": input_ids, "attention_mask": attention_mask}
        if token_type_ids is not None:
            inputs["token_type_ids"] = token_type_ids
        groups = by_length(attention_mask.sum(1).tolist())
        parts = [self._vectors(inputs, rows) for rows in groups]
        order = torch.tensor([row for rows in groups for row in rows], device=input_ids.device)
        return ReformulatorOutput(vectors=torch.cat(parts)[order.argsort()])

    def _vectors(self, inputs: Mapping[str, Tensor], rows: Sequence[int]) -> Tensor:
        used = inputs["attention_mask"][rows].any(0)
        shorter = {name: value[rows][:, used] for name, value in inputs.items()}
        return self.vectors_of(self.encoder(**shorter), shorter["attention_mask"])

    @abstractmethod
    def vectors_of(self, outputs: Any, attention_mask: Tensor) -> Tensor:
        """Outputs of the encoder to vectors ``(batch, H)``."""

    def gradient_checkpointing_enable(self, *args: Any, **kwargs: Any) -> None:
        """Recompute the encoder's layers in the backward pass, as the Trainer asks for it."""
        self.encoder.gradient_checkpointing_enable(*args, **kwargs)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the encoder as a plain checkpoint, and the settings and the head beside it."""
        self.encoder.save_pretrained(folder)
        save_file(self.head.state_dict(), Path(folder) / HEAD_FILE)
        settings = {"kind": self.kind, **asdict(self.settings)}
        (Path(folder) / SETTINGS_FILE).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")

    @staticmethod
    def from_pretrained(folder: str | Path) -> "Reformulator":
        """A reformulator as :meth:`save_pretrained` wrote it, in eval mode.

        Raises:
            UserError: The folder holds none.
        """
        path = Path(folder) / SETTINGS_FILE
        try:
            settings = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise UserError(f"{path}: no such file; give a folder that cmploss retrieve train wrote") from None
        model = KINDS[settings.pop("kind")](folder, settings)
        model.head.load_state_dict(load_file(Path(folder) / HEAD_FILE))
        return model.eval()


def by_length(lengths: Sequence[int]) -> list[list[int]]:
    """Rows from the longest to the shortest, in groups whose rows are at least ¾ as long as their longest.

    >>> by_length([100, 30, 80, 25])
    [[0, 2], [1, 3]]
    """
    groups: list[list[int]] = []
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        if groups and lengths[row] >= ALIKE * lengths[groups[-1][0]]:
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


@dataclass(frozen=True)
class DenseSettings:
    """How a dense reformulator makes a vector.

    Attributes:
        pooling: ``"cls"`` takes the first token, ``"mean"`` the mean over tokens: that of the retriever.
        output: ``"l2"`` makes unit vectors, ``"layer_norm"`` normalises over the dimensions with trained weights,
            ``"none"`` neither: that of the retriever, so that without feedback the vector is the retriever's.
        width: H, the length of a vector.
    """

    pooling: Pooling
    output: Output
    width: int

    def __post_init__(self) -> None:
        check_option("pooling", self.pooling, get_args(Pooling))
        check_option("output", self.output, get_args(Output))


class DenseReformulator(Reformulator):
    """Encoder, pooling, a linear layer and a normalisation.

    ``v = norm(W · pool(h) + b)``. ``W`` starts as the identity and ``b`` as 0: before training, an input without
    feedback has the retriever's own vector. A retriever with a linear layer or a layer norm of its own lends their
    weights (see :func:`cmploss.retrieval.dense_reformulator`).

    Args:
        encoder: The retriever's transformers encoder.
        settings: See :class:`DenseSettings`.

    Source: Zhu et al. 2022 (arXiv 2204.11545), which takes CLS, a linear layer and a layer norm; the rest is ours.
    """

    kind = "dense"

    def __init__(self, encoder: Any, settings: DenseSettings):
        linear = nn.Linear(encoder.config.hidden_size, settings.width)
        nn.init.eye_(linear.weight)
        nn.init.zeros_(linear.bias)
        norm = {"layer_norm": nn.LayerNorm(settings.width)} if settings.output == "layer_norm" else {}
        super().__init__(encoder, {"linear": linear, **norm}, settings)

    def vectors_of(self, outputs: Any, attention_mask: Tensor) -> Tensor:
        """The pooled, projected and normalised vectors."""
        hidden = outputs.last_hidden_state
        if self.settings.pooling == "cls":
            pooled = hidden[:, 0]
        else:
            weights = attention_mask.unsqueeze(-1).to(hidden.dtype)
            pooled = (hidden * weights).sum(1) / weights.sum(1)
        vectors: Tensor = self.head["linear"](pooled)
        if self.settings.output == "layer_norm":
            vectors = self.head["layer_norm"](vectors)
        return F.normalize(vectors, dim=-1) if self.settings.output == "l2" else vectors


@dataclass(frozen=True)
class SparseSettings:
    """How a sparse reformulator makes a vector.

    Attributes:
        head: ``"mlm"``, the encoder's own masked-language-model head, or ``"tied"``, a product with the input
            embeddings, for an encoder that has none.
        special: Vocabulary ids that get no weight: those of special tokens.
        weights: ``"relu"`` keeps the positive maxima as they are, ``"log"`` takes ``log(1 + ·)`` of them as SPLADE
            does, ``"l2"`` makes vectors of length 1 as LoL does.
    """

    head: Head
    special: tuple[int, ...]
    weights: TokenWeights = "l2"

    def __post_init__(self) -> None:
        check_option("head", self.head, get_args(Head))
        check_option("weights", self.weights, get_args(TokenWeights))


class SparseReformulator(Reformulator):
    """Encoder, a projection to the vocabulary, the maximum over tokens.

    ``v = f(relu(max_t logits_t))`` over the tokens that are not padding, with 0 for the ids of special tokens: at most
    one weight for each entry of the vocabulary. ``f`` is the identity, ``log(1 + ·)``, or the division by the length.

    Args:
        encoder: A transformers model with a masked-language-model head, or without for ``head="tied"``.
        settings: See :class:`SparseSettings`.

    Source: Zhu et al. 2022 (arXiv 2204.11545) with ``weights="l2"``, Formal et al. 2021 (arXiv 2109.10086) with
    ``"log"``; ``head="tied"`` is ours.
    """

    kind = "sparse"

    def __init__(self, encoder: Any, settings: SparseSettings):
        super().__init__(encoder, {}, settings)
        # A tied weight is in a checkpoint once: safetensors refuses two names for one tensor.
        self._tied = {f"encoder.{copy}": f"encoder.{one}" for copy, one in encoder.all_tied_weights_keys.items()}
        module: Any = self
        module.register_state_dict_post_hook(_without_copies)
        module.register_load_state_dict_pre_hook(_with_copies)

    def vectors_of(self, outputs: Any, attention_mask: Tensor) -> Tensor:
        """The weights of the vocabulary."""
        if self.settings.head == "mlm":
            logits = outputs.logits
        else:
            logits = outputs.last_hidden_state @ self.encoder.get_input_embeddings().weight.T
        # In place: the logits are by far the largest tensor of a step, and nothing else reads them.
        most = logits.masked_fill_(attention_mask.unsqueeze(-1) == 0, -torch.inf).amax(1)
        special = torch.zeros(most.shape[1], dtype=torch.bool, device=most.device)
        special[list(self.settings.special)] = True
        weights: Tensor = most.masked_fill(special, 0).relu()
        if self.settings.weights == "log":
            return weights.log1p()
        return F.normalize(weights, dim=-1) if self.settings.weights == "l2" else weights


def _without_copies(module: Any, state: dict[str, Tensor], prefix: str, local_metadata: Any) -> None:
    for copy in module._tied:
        state.pop(prefix + copy, None)


def _with_copies(module: Any, state: dict[str, Tensor], prefix: str, *rest: Any) -> None:
    for copy, one in module._tied.items():
        if prefix + one in state:
            state.setdefault(prefix + copy, state[prefix + one])


def _dense(folder: str | Path, settings: dict[str, Any]) -> Reformulator:
    return DenseReformulator(AutoModel.from_pretrained(folder), DenseSettings(**settings))


def _sparse(folder: str | Path, settings: dict[str, Any]) -> Reformulator:
    loader: Any = AutoModelForMaskedLM if settings["head"] == "mlm" else AutoModel
    special = tuple(settings.pop("special"))
    return SparseReformulator(loader.from_pretrained(folder), SparseSettings(special=special, **settings))


KINDS: dict[str, Callable[[str | Path, dict[str, Any]], Reformulator]] = {"dense": _dense, "sparse": _sparse}
