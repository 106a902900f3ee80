"""Query reformulators: a query with its feedback passages, as one input, to a new query vector.

They write into the vector space of a retriever that stays as it is. What is saved is a plain transformers checkpoint of
the encoder, with the few weights on top of it in a file next to it.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoModel, AutoModelForMaskedLM

from cmploss.atomic import write_json
from cmploss.choices import check_option
from cmploss.errors import UserError
from cmploss.retrieval.encoder import Encoder
from cmploss.retrieval.vector_models import SparseModel, SparseSettings, VectorModel

Pooling = Literal["cls", "mean"]
Output = Literal["l2", "layer_norm", "none"]
SETTINGS_FILE = "reformulator.json"
HEAD_FILE = "head.safetensors"


@dataclass(frozen=True)
class DenseSettings:
    """How a dense reformulator makes a vector: as the retriever does, so that without feedback the two are equal."""

    pooling: Pooling
    output: Output
    width: int

    def __post_init__(self) -> None:
        check_option("pooling", self.pooling, get_args(Pooling))
        check_option("output", self.output, get_args(Output))


class DenseReformulator(VectorModel):
    """Encoder, pooling, a linear layer and a normalisation.

    ``v = norm(W · pool(h) + b)``. ``W`` starts as the identity and ``b`` as 0: before training, an input without
    feedback has the retriever's own vector. A linear layer or a layer norm of the retriever gives the first weights
    (see :func:`dense_reformulator`).

    References:
        Zhu et al. 2022 (arXiv 2204.11545), which takes CLS, a linear layer and a layer norm; the rest is ours.
    """

    kind = "dense"

    def __init__(self, encoder: Any, settings: DenseSettings):
        linear = nn.Linear(encoder.config.hidden_size, settings.width)
        nn.init.eye_(linear.weight)
        nn.init.zeros_(linear.bias)
        norm = {"layer_norm": nn.LayerNorm(settings.width)} if settings.output == "layer_norm" else {}
        super().__init__(encoder, {"linear": linear, **norm}, settings)

    def vectors_of(self, outputs: Any, attention_mask: Tensor) -> Tensor:
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


def dense_reformulator(encoder: Encoder) -> DenseReformulator:
    """A reformulator that starts as the retriever itself: of a query without feedback it makes the same vector.

    It takes over the retriever's pooling and normalisation, and starts from the weights of a linear layer or a layer
    norm (as ANCE has them). The transformer is shared, not copied: training changes the retriever.
    """
    transformer, pooling, *rest = list(encoder.module)
    later = {type(module).__name__: module for module in rest}
    linear, norm = later.get("Dense"), later.get("LayerNorm")
    names = ["Transformer", "Pooling", *(name for name in ("Dense", "LayerNorm", "Normalize") if name in later)]
    found = [type(module).__name__ for module in encoder.module]
    # A unit vector does not show what a layer norm before it did: the two cannot both be the output.
    if found != names or pooling.pooling_mode not in ("cls", "mean") or {"LayerNorm", "Normalize"} <= set(later):
        raise UserError(
            f"model {encoder.name}: no reformulator is known for {' → '.join(found)} with pooling "
            f"{pooling.pooling_mode!r}; it must be Transformer → Pooling (cls or mean) [→ Dense] [→ LayerNorm or "
            "Normalize]"
        )
    if linear is not None and not isinstance(linear.activation_function, nn.Identity):
        raise UserError(f"model {encoder.name}: its linear layer has an activation, which no reformulator here has")
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
    write_json(Path(folder) / SETTINGS_FILE, {"kind": model.kind, **asdict(model.settings)})


def load_reformulator(folder: str | Path) -> VectorModel:
    """A reformulator as :func:`save_reformulator` wrote it, in eval mode."""
    path = Path(folder) / SETTINGS_FILE
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; give a folder that cmploss retrieve train wrote") from None
    model: VectorModel
    if settings.pop("kind") == DenseReformulator.kind:
        model = DenseReformulator(AutoModel.from_pretrained(folder, dtype=torch.float32), DenseSettings(**settings))
    else:
        loader: Any = AutoModelForMaskedLM if settings["head"] == "mlm" else AutoModel
        settings["special"] = tuple(settings["special"])
        model = SparseModel(loader.from_pretrained(folder, dtype=torch.float32), SparseSettings(**settings))
    model.head.load_state_dict(load_file(Path(folder) / HEAD_FILE))
    return model.eval()


def _copy(source: Any, target: nn.Module) -> None:
    # A layer without a bias leaves the target's own, which is 0.
    target.load_state_dict({**target.state_dict(), **source.state_dict()})
