"""What an objective is, and the one way in which ours run."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from cmploss.ablation import Variant
from cmploss.choices import Engine
from cmploss.engine import Forward, plain_forward, run_passes
from cmploss.losses import ranking_penalty, violations
from cmploss.objectives.task_loss import TaskLoss, split_labels, task_loss_for
from cmploss.objectives.views import kept, mean_or_zero, views_of

Labels = Mapping[str, Tensor]


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


@dataclass(frozen=True)
class Passes:
    """The passes of a step, for an objective to score.

    Attributes:
        model: The model.
        variants: The plan.
        outputs: The outputs of each variant.
        labels: The labels that each variant's outputs are compared with.
        task_loss: (outputs, labels) -> losses ``(batch, …)``.
    """

    model: nn.Module
    variants: tuple[Variant, ...]
    outputs: tuple[Any, ...]
    labels: tuple[Labels, ...]
    task_loss: TaskLoss

    def of(self, variants: Sequence[Variant]) -> "Passes":
        """Some of these passes, in that order."""
        found = [self.variants.index(variant) for variant in variants]
        outputs, labels = (tuple(each[index] for index in found) for each in (self.outputs, self.labels))
        return Passes(self.model, tuple(variants), outputs, labels, self.task_loss)

    def outcome(self, combine: Callable[[Tensor], Tensor]) -> Outcome:
        """What ``combine`` makes of the task losses ``(examples, …, variants)`` of the examples that count."""
        each = [self.task_loss(outputs, labels) for outputs, labels in zip(self.outputs, self.labels, strict=True)]
        losses = kept(torch.stack(each, dim=-1), self.labels[0])
        return Outcome(mean_or_zero(losses, combine), _parts(losses.detach(), self.variants), self.outputs[0])


class PassObjective(ABC):
    """An objective that runs a plan and scores its passes; what sums of objectives are made of.

    Attributes:
        variants: The plan.
        engine: How its passes are run.
    """

    variants: tuple[Variant, ...]
    engine: Engine = "auto"

    def forward(self, model: nn.Module, inputs: Mapping[str, Any]) -> Any:
        """One pass: the model's own, perhaps with more tensors among its outputs."""
        return plain_forward(model, inputs)

    @abstractmethod
    def score(self, passes: Passes) -> Outcome:
        """The outcome of the passes of the plan."""

    def __call__(self, model: nn.Module, batch: Mapping[str, Any], task_loss: TaskLoss | None = None) -> Outcome:
        """Run the passes and score them; see :class:`cmploss.objectives.Objective`."""
        return _run(
            model, batch, task_loss, self.score, variants=self.variants, engine=self.engine, forward=self.forward
        )

    def options(self, *names: str) -> str:
        """Some settings as they are written in Python, for ``repr``."""
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in names)


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
    return _run(model, batch, task_loss, lambda passes: passes.outcome(combine), variants=variants, engine=engine)


def _run(
    model: nn.Module,
    batch: Mapping[str, Any],
    task_loss: TaskLoss | None,
    score: Callable[[Passes], Outcome],
    *,
    variants: Sequence[Variant],
    engine: Engine,
    forward: Forward = plain_forward,
) -> Outcome:
    views = [split_labels(view) for view in views_of(batch, 1 + max(variant.view for variant in variants))]
    labels = tuple(views[variant.view][1] for variant in variants)
    losses_of = task_loss or task_loss_for(model, views[0][1])

    def scored(outputs: list[Any]) -> Outcome:
        return score(Passes(model, tuple(variants), tuple(outputs), labels, losses_of))

    return run_passes(model, [inputs for inputs, _ in views], variants, scored, engine=engine, forward=forward)


def _parts(losses: Tensor, variants: Sequence[Variant]) -> dict[str, Tensor]:
    if len(variants) == 1:
        return {}
    losses = losses if len(losses) else losses.new_zeros(1, len(variants))  # every process logs the same names
    means = losses.flatten(0, -2).mean(0)
    parts = {f"loss_{variant.name}": mean for variant, mean in zip(variants, means, strict=True)}
    if not all(later.ablates(earlier) for earlier, later in pairwise(variants)):
        return parts
    return parts | {"penalty": ranking_penalty(losses), "violation_rate": violations(losses).float().mean()}
