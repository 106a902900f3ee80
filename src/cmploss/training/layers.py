"""Layers with new weights, and layers that are not trained."""

from typing import Any, TypeVar

import torch

from cmploss.ablation.depths import cut_layers, layer_stack
from cmploss.errors import UserError

Model = TypeVar("Model", bound=torch.nn.Module)


def keep_layers(model: Model, count: int | None, option: str = "num_layers") -> Model:
    """The model with the lowest layers of its encoder alone; with all of them if the count is None."""
    if count is not None:
        try:
            cut_layers(model, count)
        except ValueError as error:
            raise UserError(f"--{option} {count}: {error}") from error
    return model


def reinit_top_layers(model: Any, count: int) -> None:
    """Give the top layers of the encoder, and its pooler, new weights from the model's own initialisation.

    References: Zhang et al. 2021 (arXiv 2006.05987).
    """
    if not count:
        return
    stack, pooler = _layers(model, "reinit_layers", count), getattr(model.base_model, "pooler", None)
    for top in [*stack[len(stack) - count :], *([] if pooler is None else [pooler])]:
        for module in top.modules():
            for parameter in module.parameters(recurse=False):
                parameter.__dict__.pop("_is_hf_initialized", None)  # else transformers keeps what it has loaded
            model._init_weights(module)


def freeze(model: Any, parts: str | None) -> None:
    """Train neither the embeddings nor the lowest layers of the encoder: ``embeddings``, ``2`` or ``embeddings,2``.

    Raises:
        UserError: For another word, or a number outside 1 to the number of layers.
    """
    for part in [] if parts is None else [each.strip() for each in parts.split(",")]:
        if part == "embeddings":
            frozen = [getattr(model.base_model, "embeddings", None) or model.get_input_embeddings()]
        elif part.isdecimal():
            frozen = list(_layers(model, "freeze", int(part))[: int(part)])
        else:
            raise UserError(f"--freeze {parts}: {part!r} is unknown; write embeddings, a number of layers, or both")
        for module in frozen:
            module.requires_grad_(False)


def _layers(model: Any, option: str, count: int) -> torch.nn.ModuleList:
    """The layers of the encoder, lowest first, for an option that selects some of them."""
    try:
        layers = layer_stack(model).layers
    except ValueError as error:
        raise UserError(f"--{option} {count}: {error}; or leave the option out") from error
    if not 0 < count <= len(layers):
        raise UserError(f"--{option} must be from 0 to {len(layers)}, the layers of the model, got {count}")
    return layers
