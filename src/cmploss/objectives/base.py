"""What an objective is, and the one way in which ours run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from cmploss.ablation import Variant
from cmploss.engine import Engine, run_passes
from cmploss.losses import ranking_penalty, violations
from cmploss.objectives.task_loss import TaskLoss, split_labels, task_loss_for


@dataclass(frozen=True)
class Outcome:
    """What an objective makes of a model and a batch.

    Attributes:
        loss: The scalar to minimise, a mean over the examples of the batch.
        parts: Detached scalars to log, each a mean over the examples of the batch.
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
        batch: Inputs and labels.
        task_loss: (outputs, labels) -> losses ``(batch, …)``; by default found from the model and the label keys.
        variants: The plan, in the order that ``combine`` expects.
        combine: Losses ``(batch, …, variants)`` -> scalar.
        engine: How the passes are run (see :func:`cmploss.engine.run_passes`).

    Returns:
        The outcome. With several variants its parts are the mean task loss of each (``loss_full``, ``loss_drop1`` …)
        and, if the first is the full model, ``penalty`` (mean over pairs of max(0, l_i − l_j)) and
        ``violation_rate`` (share of losses of the full model that a submodel beats).
    """
    inputs, labels = split_labels(batch)
    losses_of = task_loss or task_loss_for(model, labels)

    def score(outputs: list[Any]) -> Outcome:
        losses = torch.stack([losses_of(output, labels) for output in outputs], dim=-1)
        return Outcome(combine(losses), _parts(losses.detach(), variants), outputs[0])

    return run_passes(model, inputs, variants, score, engine=engine)


def _parts(losses: Tensor, variants: Sequence[Variant]) -> dict[str, Tensor]:
    if len(variants) == 1:
        return {}
    means = losses.flatten(0, -2).mean(0)
    parts = {f"loss_{variant.name}": mean for variant, mean in zip(variants, means, strict=True)}
    if variants[0].power != 0:
        return parts
    return parts | {"penalty": ranking_penalty(losses), "violation_rate": violations(losses).float().mean()}
