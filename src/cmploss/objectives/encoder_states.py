"""The encoder inside a model with a head, and its hidden states."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_MASKED_LM_MAPPING_NAMES,
)

from cmploss.ablation import unwrap_model
from cmploss.pooled.pooled_classifier import Pooling


def encoder_of(model: nn.Module) -> nn.Module:
    """The part of a transformers model below its head.

    Raises:
        ValueError: If there is none.
    """
    plain = unwrap_model(model)
    encoder = getattr(plain, "base_model", plain)
    if encoder is plain:
        raise ValueError(f"{type(plain).__name__} has no separate encoder (transformers' base_model)")
    found: nn.Module = encoder
    return found


def text_encoder_of(model: nn.Module) -> nn.Module:
    """The part of a transformers model below its head, if its first token attends to the whole text."""
    encoder = encoder_of(model)
    config: Any = encoder.config
    kind = config.model_type
    decoder = kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and kind not in MODEL_FOR_MASKED_LM_MAPPING_NAMES
    if decoder or config.is_encoder_decoder:
        raise ValueError(
            f"the first token of {type(unwrap_model(model)).__name__} does not attend to the whole text; use "
            "an encoder such as BERT, RoBERTa, ELECTRA, DeBERTa or ModernBERT"
        )
    return encoder


@contextmanager
def text_states(model: nn.Module) -> Iterator[list[Tensor]]:
    """Collect the vectors of the texts, ``(rows, H)``, of every forward pass in the block.

    A vector is the last hidden state of the first token, or in a classifier that pools the pooled vector.
    """
    found: list[Tensor] = []
    encoder, pooling = text_encoder_of(model), getattr(unwrap_model(model), "pooling", None)
    if isinstance(pooling, Pooling):
        handle = pooling.register_forward_hook(lambda _module, _inputs, vectors: found.append(vectors))
    else:
        handle = encoder.register_forward_hook(lambda _module, _inputs, outputs: found.append(outputs[0][:, 0]))
    try:
        yield found
    finally:
        handle.remove()
