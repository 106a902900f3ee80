"""Reformulators before training, made of a retriever or of a pretrained encoder."""

from typing import Any

from torch import nn
from transformers import PreTrainedTokenizerBase

from cmploss.errors import UserError
from cmploss.models import load_encoder_with_head
from cmploss.retrieval.encoder import Encoder
from cmploss.retrieval.reformulators import (
    DenseReformulator,
    DenseSettings,
    SparseReformulator,
    SparseSettings,
    TokenWeights,
)


def dense_reformulator(encoder: Encoder) -> DenseReformulator:
    """A reformulator that starts as the retriever itself: of a query without feedback it makes the same vector.

    The retriever's pooling and normalisation become the reformulator's; a linear layer or a layer norm of its own (as
    ANCE has them) give the first weights. The transformer is taken over, not copied: training changes the retriever.

    Raises:
        UserError: The retriever has other modules than a transformer, pooling by CLS or mean, a linear layer, a layer
            norm and a normalisation, in this order.
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


def sparse_reformulator(
    name: str, tokenizer: PreTrainedTokenizerBase, *, weights: TokenWeights = "l2", width: int | None = None
) -> SparseReformulator:
    """A sparse reformulator of a pretrained encoder, with its masked-language-model head if it has one.

    Args:
        name: Hub id or folder.
        tokenizer: Of that encoder; the ids of its special tokens get no weight.
        weights: See :class:`SparseSettings`.
        width: Columns of the index, if there is one already.

    Raises:
        UserError: The encoder cannot be loaded, or the index has another vocabulary.
    """
    encoder, head = load_encoder_with_head(name)
    size = encoder.config.vocab_size
    if width not in (None, size):
        raise UserError(
            f"model {name}: writes {size} weights and the index has {width} columns; give a model with the vocabulary "
            "of the index"
        )
    special = tuple(sorted(set(tokenizer.all_special_ids)))
    return SparseReformulator(encoder, SparseSettings("mlm" if head else "tied", special, weights))


def _copy(source: Any, target: nn.Module) -> None:
    # A layer without a bias leaves the target's own, which is 0.
    target.load_state_dict({**target.state_dict(), **source.state_dict()})
