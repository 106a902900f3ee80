"""Inference over examples, in batches of similar length, in eval mode or as a submodel."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from cmploss.ablation.depths import layer_stack
from cmploss.ablation.dropout import nested_dropout
from cmploss.cpu import FastLinear
from cmploss.errors import UserError

Result = TypeVar("Result")
Advance = Callable[[float], object]
_advance: ContextVar[Advance] = ContextVar("advance", default=lambda share: None)
TOKENS = {"cpu": 1_600, "accelerator": 16_384}  # of a batch, with padding


@contextmanager
def watched(advance: Advance) -> Iterator[None]:
    """Within this context, long work calls ``advance`` with the share that it has done since the last call."""
    token = _advance.set(advance)
    try:
        yield
    finally:
        _advance.reset(token)


def tell(share: float) -> None:
    """Tell the function of :func:`watched` that a share of a pass over a model, or of a search, is done."""
    _advance.get()(share)


def run_sorted(
    model: Any,
    lengths: Sequence[int],
    batch_of: Callable[[Sequence[int]], Mapping[str, Any]],
    run: Callable[[dict[str, Any]], Iterable[Result]],
    *,
    batch_size: int | None,
    power: int | None = None,
    seed: int = 0,
    p: float | None = None,
    layers: int | None = None,
) -> list[Result]:
    """Run a model over examples, longest first, to have little padding; results are in the order of the examples.

    Without a ``batch_size``, a batch has as many examples as fit into 1,600 tokens on a CPU, whose caches hold no more,
    and into 16,384 elsewhere.

    ``batch_of`` turns indices of examples into a batch, ``run`` turns a batch into one result per example. The model is
    in eval mode, or with ``power``, ``seed`` and ``p`` a submodel of nested dropout, whose masks differ between
    batches; with ``layers`` it has only its lowest layers. It is left in eval mode with all layers.
    """
    if batch_size is not None and batch_size < 1:
        raise UserError(f"--batch_size must be >= 1, got {batch_size}")
    model.eval()
    device = next(iter(model.parameters()), torch.empty(0)).device
    order = np.argsort([-length for length in lengths], kind="stable").tolist()
    found: dict[int, Result] = {}
    start = number = 0
    while start < len(order):
        room = TOKENS["cpu" if device.type == "cpu" else "accelerator"]
        size = max(1, room // max(lengths[order[start]], 1)) if batch_size is None else batch_size
        rows = order[start : start + size]
        on_cpu = batch_of(rows).items()
        batch = {name: values.to(device) if isinstance(values, Tensor) else values for name, values in on_cpu}
        ablated: AbstractContextManager[Any] = FastLinear()
        if power is not None:
            ablated = nested_dropout(model, power, seed=seed + number, p=p)
        depth = nullcontext() if layers is None else layer_stack(model).segment(layers)
        with torch.no_grad(), ablated, depth:
            found.update(zip(rows, run(batch), strict=True))
        tell(len(rows) / len(order))
        start, number = start + size, number + 1
    return [found[row] for row in range(len(order))]
