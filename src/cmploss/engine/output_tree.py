"""The tensors inside a model's outputs, however deeply they are nested."""

from collections.abc import Callable, Mapping
from copy import copy
from typing import Any

from torch import Tensor, nn


def tensors_of(outputs: Any) -> list[Tensor]:
    """Every floating-point tensor of the outputs, in a fixed order.

    >>> import torch
    >>> [len(tensor) for tensor in tensors_of({"logits": torch.ones(1), "states": (torch.ones(2), [torch.ones(3)])})]
    [1, 2, 3]
    """
    found: list[Tensor] = []

    def note(tensor: Tensor) -> Tensor:
        found.append(tensor)
        return tensor

    map_tensors(outputs, note)
    return found


def map_tensors(outputs: Any, function: Callable[[Tensor], Tensor]) -> Any:
    """A copy of the outputs with ``function`` applied to every floating-point tensor.

    Tensors are found in mappings (a ``ModelOutput`` is one), tuples, lists, and attributes of other objects, such as a
    cache of keys and values. Modules are not searched.
    """
    return _mapped(outputs, function, {})


def _mapped(value: Any, function: Callable[[Tensor], Tensor], done: dict[int, Any]) -> Any:
    if isinstance(value, Tensor):
        return function(value) if value.is_floating_point() else value
    if value is None or isinstance(value, (bool, int, float, str, bytes, type, nn.Module)) or callable(value):
        return value
    if id(value) in done:  # an object inside itself
        return done[id(value)]
    if isinstance(value, tuple):
        items = [_mapped(item, function, done) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    if isinstance(value, list):
        return [_mapped(item, function, done) for item in value]
    if not isinstance(value, Mapping) and not hasattr(value, "__dict__"):
        return value
    changed: Any = copy(value)
    done[id(value)] = changed
    named, target = (value, changed) if isinstance(value, Mapping) else (vars(value), vars(changed))
    for name, item in named.items():
        target[name] = _mapped(item, function, done)
    return changed


def logits_of(outputs: Any) -> list[Tensor]:
    """The tensors of logits, or of a reformulator's vectors, among a model's outputs; all if there are none."""
    named = outputs.items() if isinstance(outputs, Mapping) else ()
    return [value for name, value in named if name.endswith(("logits", "vectors"))] or tensors_of(outputs)


def after_loss(outputs: Any) -> Any:
    """Outputs as the Trainer evaluates them: of a tuple, it leaves out the first value, which should be the loss."""
    return outputs if isinstance(outputs, Mapping) else (None, *(outputs if isinstance(outputs, tuple) else (outputs,)))
