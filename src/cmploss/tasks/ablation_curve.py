"""Scores of a trained model and of its submodels with ablated neurons."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch

from cmploss.ablation.dropout import ablated_rates
from cmploss.errors import UserError
from cmploss.experiment import DROPOUT_POWER, VIOLATION_RATE, Score
from cmploss.losses import violations

Scores = dict[str, float]


@dataclass(frozen=True)
class Submodels:
    """The submodels to score.

    Attributes:
        powers: Dropout powers in ascending order; 0 is the full model.
        seed: Seed of the masks, which nest over powers.
        p: Base rate at every dropout site; by default each site's own.
    """

    powers: tuple[int, ...] = ()
    seed: int = 0
    p: float | None = None


@dataclass(frozen=True)
class AblationPoint:
    """Scores of the submodel of one dropout power on held-out examples."""

    power: int
    scores: Scores  # Measure → percent
    loss: float  # Mean task loss
    violation_rate: float  # Percent of examples on which this or a less ablated submodel beats the full model


def check_ablated(model: Any, name: str, passes: Iterable[tuple[int, float | None]]) -> None:
    try:
        for power, p in passes:
            ablated_rates(model, power, p)
    except ValueError as error:
        raise UserError(f"model {name}: {error}") from error


def submodel_curve(
    full: Any,
    run: Callable[..., Any],
    scored: Callable[[Any], Scores],
    submodels: Submodels,
) -> list[AblationPoint]:
    """Score a model and its submodels of several dropout powers, with nested masks, on held-out examples.

    ``full`` is the output of the full model, with ``losses`` ``(examples,)``; ``run`` takes ``power``, ``seed`` and
    ``p`` of :func:`cmploss.nested_dropout`.
    """
    losses = [torch.tensor(full.losses)]
    curve = []
    for power in submodels.powers:
        found = full if power == 0 else run(power=power, seed=submodels.seed, p=submodels.p)
        if power > 0:
            losses.append(torch.tensor(found.losses))
        beaten = violations(torch.stack(losses, -1)).double().mean().item()
        curve.append(AblationPoint(power, scored(found), float(found.losses.mean()), 100 * beaten))
    return curve


def curve_scores(split: str, curve: Iterable[AblationPoint]) -> list[Score]:
    """A curve for a record: at each dropout power the measures, ``loss`` and ``violation_rate``."""
    return [
        score
        for point in curve
        for score in Score.of(
            split,
            {**point.scores, "loss": point.loss, VIOLATION_RATE: point.violation_rate},
            {DROPOUT_POWER: point.power},
        )
    ]
