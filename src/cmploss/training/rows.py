"""Word embeddings on a CPU: gradient, clipping and AdamW for the rows that were read, with the results of all rows.

A step reads a few hundred rows of tens of thousands; a dense gradient, its norm and the optimizer walk over all.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim import Optimizer

from cmploss.ablation.sites import is_compiled

MOST = 1 / 6  # of the rows; measured for 30,522 × 384: beyond, copying rows takes longer than updating all


def row_embedding(model: Any) -> nn.Embedding | None:
    """The input embedding of ``model`` if it is trained on a CPU and no other module reads its weight."""
    embedding = model.get_input_embeddings() if hasattr(model, "get_input_embeddings") else None
    if type(embedding) is not nn.Embedding or embedding.scale_grad_by_freq or is_compiled(model):
        return None
    weight = embedding.weight
    readers = [each for each in model.modules() if any(one is weight for one in each.parameters(recurse=False))]
    return embedding if weight.requires_grad and weight.device.type == "cpu" and len(readers) == 1 else None


@contextmanager
def row_gradients(embedding: nn.Embedding, accelerator: Accelerator) -> Iterator[None]:
    """In this block the gradient of an embedding is sparse, and the accelerator can clip it."""
    clip = accelerator.clip_grad_norm_

    def clip_rows(parameters: Iterable[Tensor], *args: Any, **kwargs: Any) -> Any:
        return clip(map(_with_dense_gradient, parameters), *args, **kwargs)

    changed: Any = accelerator
    embedding.sparse, changed.clip_grad_norm_ = True, clip_rows
    try:
        yield
    finally:
        embedding.sparse = False
        del changed.clip_grad_norm_


def _with_dense_gradient(parameter: Tensor) -> Tensor:
    """The parameter, or a stand-in whose dense gradient is the memory of its sparse gradient."""
    if parameter.grad is None or not parameter.grad.is_sparse:
        return parameter
    parameter.grad = parameter.grad.coalesce()
    values = parameter.grad.values()
    stand_in = torch.empty_like(values)
    stand_in.grad = values
    return stand_in


class RowSteps:
    """Lets Adam and AdamW step with sparse gradients, and update only the rows that have had a gradient so far.

    The moments of the other rows are 0, so their update is their decay. In the step, a tensor of the rows stands for
    the parameter. Where more than :data:`MOST` of the rows have had a gradient, all are updated. The state of the
    optimizer stays that of dense gradients.
    """

    def __init__(self, optimizer: Optimizer):
        self._had_gradient: dict[Tensor, Tensor] = {}
        self._parts: list[tuple[dict[str, Any], int, Tensor, Tensor]] = []
        optimizer.register_step_pre_hook(self._gather)
        optimizer.register_step_post_hook(self._scatter)
        optimizer.register_load_state_dict_post_hook(lambda _: self._had_gradient.clear())

    @torch.no_grad()
    def _gather(self, optimizer: Optimizer, *_: Any) -> None:
        for group in optimizer.param_groups:
            for place, parameter in enumerate(group["params"]):
                gradient = parameter.grad
                if gradient is None or not gradient.is_sparse:
                    self._had_gradient.pop(parameter, None)
                    continue
                gradient, state = gradient.coalesce(), optimizer.state[parameter]
                (places,) = gradient.indices()
                if parameter not in self._had_gradient:
                    moments = [value for value in state.values() if value.shape == parameter.shape]
                    found = [(each != 0).any(1) for each in moments]
                    self._had_gradient[parameter] = sum(found, torch.zeros(len(parameter), dtype=torch.bool))
                self._had_gradient[parameter][places] = True
                rows = self._had_gradient[parameter].nonzero().squeeze(1)
                if len(rows) > MOST * len(parameter):
                    parameter.grad = gradient.to_dense()
                    continue
                part = parameter.index_select(0, rows)
                part.grad = torch.zeros_like(part)
                part.grad[torch.searchsorted(rows, places)] = gradient.values()
                optimizer.state[part] = {
                    name: value.index_select(0, rows) if value.shape == parameter.shape else value
                    for name, value in state.items()
                }
                group["params"][place] = part
                self._parts.append((group, place, parameter, rows))

    @torch.no_grad()
    def _scatter(self, optimizer: Optimizer, *_: Any) -> None:
        for group, place, parameter, rows in self._parts:
            part, group["params"][place] = group["params"][place], parameter
            state = optimizer.state[parameter]
            for name, value in optimizer.state.pop(part).items():
                if value.shape != part.shape:
                    state[name] = value
                    continue
                if name not in state:
                    state[name] = torch.zeros_like(parameter)
                state[name][rows] = value
            if group["weight_decay"]:
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
            parameter[rows] = part
        self._parts.clear()
