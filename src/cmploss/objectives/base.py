"""What an objective is, and the one way in which ours run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from cmploss.ablation import Variant
from cmploss.engine import Engine, run_passes
from cmploss.losses import ranking_penalty, violations
from cmploss.objectives.task_loss import TaskLoss, split_labels, task_loss_for
from cmploss.objectives.views import kept, mean_or_zero, views_of


@dataclass(frozen=True)
class Outcome:
    """What an objective makes of a model and a batch.

    Attributes:
        loss: The scalar to minimise, a mean over the examples of the batch that are not left out; 0 if all are.
        parts: Detached scalars to log, each a mean over the same examples.
        outputs: The model's outputs under the first variant, the full model where there is one.
    """

    loss: Tensor
    parts: dict[str, Tensor] = field(default_factory=dict)
    outputs: Any = None


class Objective(Protocol):
    """Anything that turns a model and a batch into an :class:`Outcome`; it keeps neither."""

    def __call__(self, model: nn.Module, batch: Mapping[str, Any], task_loss: TaskLoss | None = None) -> Outcome:
        """Run the passes on ``batch`` (labels included); ``task_loss`` is found from the model if not given."""
        ...


def outcome_of(
    model: nn.Module,
    batch: Mapping[str, Any],
    task_loss: TaskLoss | None,
    *,
    variants: Sequence[Variant],
    combine: Callable[[Tensor], Tensor],
    engine: Engine = "auto",
) -> Outcome:
    """Run the variants of ``model`` over ``batch`` and combine the task losses of each example.

    Args:
        model: The model.
        batch: Inputs and labels; for a plan with crops a batch of views (see :func:`views_of`).
        task_loss: (outputs, labels) -> losses ``(batch, …)``; by default found from the model and the label keys.
        variants: The plan, in the order that ``combine`` expects.
        combine: Losses ``(examples, …, variants)`` of the examples that are not left out -> scalar.
        engine: How the passes are run (see :func:`cmploss.engine.run_passes`).

    Returns:
        The outcome. With several variants its parts are the mean task loss of each (``loss_full``, ``loss_drop1`` …)
        and, if each ablates the one before, ``penalty`` (mean over pairs of max(0, l_i − l_j)) and ``violation_rate``
        (share of losses of the first that another beats).

    Raises:
        ValueError: If the batch does not have the views of the plan.
    """
    views = [split_labels(view) for view in views_of(batch, 1 + max(variant.view for variant in variants))]
    labels = [labels for _, labels in views]
    losses_of = task_loss or task_loss_for(model, labels[0])

    def score(outputs: list[Any]) -> Outcome:
        each = [losses_of(output, labels[variant.view]) for output, variant in zip(outputs, variants, strict=True)]
        losses = kept(torch.stack(each, dim=-1), labels[0])
        return Outcome(mean_or_zero(losses, combine), _parts(losses.detach(), variants), outputs[0])

    return run_passes(model, [inputs for inputs, _ in views], variants, score, engine=engine)


def _parts(losses: Tensor, variants: Sequence[Variant]) -> dict[str, Tensor]:
    if len(variants) == 1:
        return {}
    losses = losses if len(losses) else losses.new_zeros(1, len(variants))  # every process logs the same names
    means = losses.flatten(0, -2).mean(0)
    parts = {f"loss_{variant.name}": mean for variant, mean in zip(variants, means, strict=True)}
    if not all(later.ablates(earlier) for earlier, later in pairwise(variants)):
        return parts
    return parts | {"penalty": ranking_penalty(losses), "violation_rate": violations(losses).float().mean()}
