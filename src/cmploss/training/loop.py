"""Training with an objective in plain PyTorch: what ``ObjectiveTrainer`` does, in a few lines."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from cmploss.objectives import Objective, TaskLoss
from cmploss.objectives.views import COMPARABLE, batch_size, compared_examples


def train_loop(
    model: nn.Module,
    batches: Iterable[Mapping[str, Any]],
    objective: Objective,
    optimizer: Optimizer,
    *,
    scheduler: LRScheduler | None = None,
    accumulate: int = 1,
    max_grad_norm: float = 1.0,
    task_loss: TaskLoss | None = None,
) -> Iterator[dict[str, float]]:
    """Train ``model`` on ``batches``; after every optimizer step yield its loss and the parts of the objective.

    Where batches say which examples to leave out, the share of these is yielded as ``left_out``.

    Args:
        model: The model; it is put into training mode.
        batches: Batches with labels, on the model's device.
        objective: What to minimise.
        optimizer: Steps once per ``accumulate`` batches.
        scheduler: Steps with the optimizer.
        accumulate: Batches per step; every example of a step that is not left out weighs the same, whatever the sizes
            of its batches.
        max_grad_norm: Gradients are clipped to this norm.
        task_loss: Per-example task loss; by default found from the model.
    """
    model.train()
    remaining = iter(batches)
    while step := list(islice(remaining, accumulate)):
        compared, examples = (sum(map(count, step)) for count in (compared_examples, batch_size))
        totals = {"left_out": 1 - compared / examples} if COMPARABLE in step[0] else {}
        for batch in step:
            share = compared_examples(batch) / max(compared, 1)
            outcome = objective(model, batch, task_loss)
            torch.autograd.backward(outcome.loss * share)
            for name, value in {"loss": outcome.loss.detach(), **outcome.parts}.items():
                totals[name] = totals.get(name, 0.0) + share * value.item()
        nn.utils.clip_grad_norm_(model.parameters(), max_grad_norm)
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
        optimizer.zero_grad()
        yield totals
