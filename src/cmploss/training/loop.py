"""Training with an objective in plain PyTorch: what ``ObjectiveTrainer`` does, in a few lines."""

import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from cmploss.ablation.exit_heads import check_exit_heads
from cmploss.ablation.variants import own_head_depths
from cmploss.errors import NotFiniteError
from cmploss.objectives import Objective, TaskLoss
from cmploss.objectives.views import VALID, batch_size, num_valid


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
    """Train ``model`` on ``batches``; after every optimizer step yield its loss and the logs of the objective.

    If batches have a mask of valid examples, the share of invalid ones is yielded as ``ignored_fraction``.

    Args:
        model: The model; it is put into training mode before every step, so that it may be scored between steps.
        batches: Batches with labels, on the model's device.
        objective: What to minimise.
        optimizer: Steps once per ``accumulate`` batches.
        scheduler: Steps with the optimizer.
        accumulate: Batches per step; every valid example of a step has the same weight, whatever the batch sizes.
        max_grad_norm: Gradients are clipped to this norm; 0 clips none.
        task_loss: Per-example task loss; by default found from the model.

    Raises:
        NotFiniteError: The loss of a step is not finite.
        ValueError: ``accumulate`` is below 1, or the objective needs heads that the model lacks.
    """
    if accumulate < 1:
        raise ValueError(f"accumulate={accumulate} must be at least 1")
    check_exit_heads(model, own_head_depths(objective))
    remaining = iter(batches)
    while step := list(islice(remaining, accumulate)):
        model.train()
        valid, examples = (sum(map(count, step)) for count in (num_valid, batch_size))
        totals = {"ignored_fraction": 1 - valid / examples} if VALID in step[0] else {}
        for batch in step:
            share = num_valid(batch) / max(valid, 1)
            output = objective(model, batch, task_loss)
            torch.autograd.backward(output.loss * share)
            for name, value in {"loss": output.loss.detach(), **output.logs}.items():
                totals[name] = totals.get(name, 0.0) + share * value.item()
        if not math.isfinite(totals["loss"]):
            raise NotFiniteError("the loss is not finite; give a smaller learning rate")
        if max_grad_norm > 0:
            nn.utils.clip_grad_norm_(model.parameters(), max_grad_norm)
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
        optimizer.zero_grad()
        yield totals
