"""Heads of a model's submodels with fewer layers: copies of its own head that are trained and saved with it."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any, TypeVar

import safetensors.torch
from torch import Tensor, nn

from cmploss.ablation.sites import unwrap_model
from cmploss.atomic import write_bytes

logger = logging.getLogger(__name__)

Model = TypeVar("Model", bound=nn.Module)
EXIT_HEADS = "exit_heads"
"""Attribute of the model: depth -> the modules of its head, by name."""
FILE = "exit_heads.safetensors"
"""These heads, next to a model that loads without them."""


def head_modules(model: nn.Module) -> dict[str, nn.Module]:
    """The modules of a transformers model outside its base model that have parameters, by name."""
    plain = unwrap_model(model)
    base = getattr(plain, "base_model", plain)
    return {
        name: child
        for name, child in plain.named_children()
        if child is not base and name != EXIT_HEADS and any(True for _ in child.parameters())
    }


def add_exit_heads(model: nn.Module, depths: Iterable[int]) -> None:
    """Give submodels of these depths their own heads, which start as copies of the model's head."""
    copies = {str(depth): nn.ModuleDict(deepcopy(head_modules(model))) for depth in depths}
    if copies:
        setattr(unwrap_model(model), EXIT_HEADS, nn.ModuleDict(copies))


def exit_depths(model: nn.Module) -> list[int]:
    """The depths that have their own heads, in descending order."""
    return sorted(map(int, getattr(unwrap_model(model), EXIT_HEADS, {})), reverse=True)


def check_exit_heads(model: nn.Module, depths: Sequence[int]) -> None:
    """Refuse a model without own heads of these depths.

    Raises:
        ValueError: It names the remedy.
    """
    missing = [depth for depth in depths if depth not in exit_depths(model)]
    if missing:
        raise ValueError(
            f"CmpLayer(heads='own') needs a head for depth {missing[0]}: call "
            f"cmploss.ablation.exit_heads.add_exit_heads(model, {tuple(depths)}) before training"
        )


def exit_head(model: nn.Module, depth: int) -> Mapping[str, nn.Module]:
    """The modules of the head of a depth, by name; {} if the model's head serves it."""
    heads = getattr(unwrap_model(model), EXIT_HEADS, {})
    return dict(heads[str(depth)]) if str(depth) in heads else {}


@contextmanager
def with_exit_head(model: nn.Module, depth: int) -> Iterator[None]:
    """In this block, the model has the head of a depth."""
    plain, found = unwrap_model(model), exit_head(model, depth)
    own = {name: getattr(plain, name) for name in found}
    for name, module in found.items():
        setattr(plain, name, module)
    try:
        yield
    finally:
        for name, module in own.items():
            setattr(plain, name, module)


def drop_exit_heads(model: nn.Module) -> None:
    if exit_depths(model):
        delattr(unwrap_model(model), EXIT_HEADS)


def weights_without_exit_heads(model: nn.Module) -> dict[str, Tensor]:
    """The state of a model that loads without this package."""
    return {name: value for name, value in model.state_dict().items() if not name.startswith(f"{EXIT_HEADS}.")}


def write_exit_heads(model: nn.Module, folder: Path) -> None:
    """Write the heads of all depths, if there are any, into the folder of the model."""
    heads = getattr(unwrap_model(model), EXIT_HEADS, None)
    if heads is not None:
        write_bytes(folder / FILE, safetensors.torch.save(heads.state_dict()))


def take_exit_heads(model: Any, folder: Path) -> None:
    """Give the heads of a model's submodels the weights in a folder, if it has some of the same depths and shapes."""
    path, own = folder / FILE, getattr(unwrap_model(model), EXIT_HEADS, None)
    if own is None or not path.is_file():
        return
    weights = safetensors.torch.load_file(path)
    shapes, wanted = ({name: value.shape for name, value in of.items()} for of in (weights, own.state_dict()))
    if shapes == wanted:
        own.load_state_dict(weights)
    else:
        note = "note: %s has heads of other depths or classes; heads of submodels start as copies of the model's head"
        logger.warning(note, path)


def read_exit_heads(model: Model, folder: str) -> Model:
    """The model with the heads in its folder, if there are any."""
    path = Path(folder) / FILE
    if path.is_file():
        weights = safetensors.torch.load_file(path)
        add_exit_heads(model, sorted({int(name.partition(".")[0]) for name in weights}, reverse=True))
        getattr(unwrap_model(model), EXIT_HEADS).load_state_dict(weights)
    return model
