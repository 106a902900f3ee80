"""How a trained model holds out when its neurons are ablated."""

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
    """Which submodels of a model are measured.

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
    """A model's held-out quality as its submodel of one dropout power.

    Attributes:
        power: Dropout power.
        scores: Measure -> percent.
        loss: Mean task loss.
        violation_rate: Percent of examples on which this submodel, or a fuller one of the curve, beats the full model.
    """

    power: int
    scores: Scores
    loss: float
    violation_rate: float


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

    ``full`` is what the full model gives, with ``losses`` ``(examples,)``; ``run`` takes ``power``, ``seed`` and ``p``
    of :func:`cmploss.nested_dropout`. Nothing is run without powers.
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
    """A curve as a record has it: at each dropout power the measures, ``loss`` and ``violation_rate``.

    >>> for score in curve_scores("test", [AblationPoint(1, {"accuracy": 80.0}, 0.5, 12.5)]):
    ...     print(score)
    Score(split='test', measure='accuracy', value=80.0, at={'dropout_power': 1})
    Score(split='test', measure='loss', value=0.5, at={'dropout_power': 1})
    Score(split='test', measure='violation_rate', value=12.5, at={'dropout_power': 1})
    """
    return [
        score
        for point in curve
        for score in Score.of(
            split,
            {**point.scores, "loss": point.loss, VIOLATION_RATE: point.violation_rate},
            {DROPOUT_POWER: point.power},
        )
    ]
