"""The passes of a plan over one batch, and the task losses of its examples."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from cmploss.ablation import Variant
from cmploss.choices import Engine
from cmploss.engine.engines import run_passes
from cmploss.engine.passes import Forward, plain_forward
from cmploss.losses import ranking_penalty, violations
from cmploss.objectives.base import ObjectiveOutput
from cmploss.objectives.task_loss import Labels, TaskLoss, checked_losses, split_batch, task_loss_for
from cmploss.objectives.views import apply_mask, mean_or_zero, views_of


@dataclass(frozen=True)
class PassBatch:
    """The passes of a step, which an objective scores.

    Attributes:
        model: The model.
        variants: The plan.
        inputs: What each variant read.
        outputs: The outputs of each variant.
        labels: The labels that each variant's outputs are compared with.
        task_loss: (outputs, labels) -> losses ``(batch, …)``.
    """

    model: nn.Module
    variants: tuple[Variant, ...]
    inputs: tuple[Mapping[str, Any], ...]
    outputs: tuple[Any, ...]
    labels: tuple[Labels, ...]
    task_loss: TaskLoss

    def select(self, variants: Sequence[Variant]) -> "PassBatch":
        """Some of these passes, in that order."""
        places = [self.variants.index(variant) for variant in variants]
        each = (self.inputs, self.outputs, self.labels)
        inputs, outputs, labels = (tuple(values[place] for place in places) for values in each)
        return PassBatch(self.model, tuple(variants), inputs, outputs, labels, self.task_loss)

    def output(self, combine: Callable[[Tensor], Tensor]) -> ObjectiveOutput:
        """The output whose loss ``combine`` computes from the task losses ``(valid examples, …, variants)``."""
        pairs = zip(self.outputs, self.labels, strict=True)
        losses = [checked_losses(self.task_loss(outputs, labels), labels) for outputs, labels in pairs]
        valid = apply_mask(torch.stack(losses, dim=-1), self.labels[0])
        return ObjectiveOutput(mean_or_zero(valid, combine), _logs(valid.detach(), self.variants), self.outputs[0])


def objective_output(
    model: nn.Module,
    batch: Mapping[str, Any],
    task_loss: TaskLoss | None,
    *,
    variants: Sequence[Variant],
    combine: Callable[[Tensor], Tensor],
    engine: Engine = "auto",
) -> ObjectiveOutput:
    """Run the variants of ``model`` over ``batch`` and combine the task losses of each example.

    Args:
        model: The model.
        batch: Inputs and labels; for a plan with crops a batch of views (see :func:`views_of`).
        task_loss: (outputs, labels) -> losses ``(batch, …)``; by default found from the model and the label keys.
        variants: The plan, in the order that ``combine`` expects.
        combine: Losses ``(valid examples, …, variants)`` -> scalar.
        engine: How the passes are run (see :func:`cmploss.engine.engines.run_passes`).

    Returns:
        The output. With several variants it logs the mean task loss of each (``loss_full``, ``loss_drop1`` …) and, if
        each ablates the one before, ``penalty`` (mean over pairs of max(0, l_i − l_j)) and ``violation_rate`` (share of
        losses of the first variant that another variant beats).

    Raises:
        ValueError: If the batch does not have the views of the plan.
    """
    return run_plan(model, batch, task_loss, lambda passes: passes.output(combine), variants=variants, engine=engine)


def run_plan(
    model: nn.Module,
    batch: Mapping[str, Any],
    task_loss: TaskLoss | None,
    score: Callable[[PassBatch], ObjectiveOutput],
    *,
    variants: Sequence[Variant],
    engine: Engine,
    forward: Forward = plain_forward,
) -> ObjectiveOutput:
    """Run the variants of ``model`` over ``batch`` and score their outputs, as :func:`objective_output` does."""
    views = [split_batch(model, view) for view in views_of(batch, 1 + max(variant.view for variant in variants))]
    inputs, labels = (tuple(views[variant.view][part] for variant in variants) for part in (0, 1))
    losses_of = task_loss or task_loss_for(model, views[0][1])

    def score_outputs(outputs: list[Any]) -> ObjectiveOutput:
        return score(PassBatch(model, tuple(variants), inputs, tuple(outputs), labels, losses_of))

    return run_passes(model, [read for read, _ in views], variants, score_outputs, engine=engine, forward=forward)


def _logs(losses: Tensor, variants: Sequence[Variant]) -> dict[str, Tensor]:
    if len(variants) == 1:
        return {}
    losses = losses if len(losses) else losses.new_zeros(1, len(variants))  # every process logs the same names
    means = losses.flatten(0, -2).mean(0)
    logs = {f"loss_{variant.name}": mean for variant, mean in zip(variants, means, strict=True)}
    if not all(later.ablates(earlier) for earlier, later in pairwise(variants)):
        return logs
    return logs | {"penalty": ranking_penalty(losses), "violation_rate": violations(losses).float().mean()}
