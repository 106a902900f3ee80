"""Inference over examples, in batches of similar length, in eval mode or as a submodel."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from cmploss.ablation.dropout import nested_dropout
from cmploss.cpu import FastLinear
from cmploss.errors import UserError

Result = TypeVar("Result")


def run_sorted(
    model: Any,
    lengths: Sequence[int],
    batch_of: Callable[[Sequence[int]], Mapping[str, Tensor]],
    run: Callable[[dict[str, Tensor]], Iterable[Result]],
    *,
    batch_size: int,
    power: int | None = None,
    seed: int = 0,
    p: float | None = None,
) -> list[Result]:
    """Run a model over examples, longest first, to have little padding; results are in the order of the examples.

    ``batch_of`` turns indices of examples into a batch, ``run`` turns a batch into one result per example. The model is
    in eval mode, or with ``power``, ``seed`` and ``p`` a submodel of nested dropout, whose masks differ between
    batches; it is left in eval mode.
    """
    if batch_size < 1:
        raise UserError(f"--batch_size must be >= 1, got {batch_size}")
    model.eval()
    device = next(iter(model.parameters()), torch.empty(0)).device
    order = np.argsort([-length for length in lengths], kind="stable").tolist()
    found: dict[int, Result] = {}
    for number, start in enumerate(range(0, len(order), batch_size)):
        rows = order[start : start + batch_size]
        batch = {name: values.to(device) for name, values in batch_of(rows).items()}
        ablated: AbstractContextManager[Any] = FastLinear()
        if power is not None:
            ablated = nested_dropout(model, power, seed=seed + number, p=p)
        with torch.no_grad(), ablated:
            found.update(zip(rows, run(batch), strict=True))
    return [found[row] for row in range(len(order))]
