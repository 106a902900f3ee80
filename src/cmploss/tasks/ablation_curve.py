"""Scores of a trained model and of its submodels with ablated neurons or fewer layers."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cmploss.ablation.depths import check_depths
from cmploss.ablation.dropout import ablated_rates
from cmploss.errors import UserError
from cmploss.experiment import DROPOUT_POWER, LAYERS, VIOLATION_RATE, Score

Scores = dict[str, float]


@dataclass(frozen=True)
class Submodels:
    """The submodels to score.

    Attributes:
        powers: Dropout powers in ascending order; 0 is the full model.
        seed: Seed of the masks, which nest over powers.
        p: Base rate at every dropout site; by default each site's own.
        depths: Numbers of layers in descending order.
    """

    powers: tuple[int, ...] = ()
    seed: int = 0
    p: float | None = None
    depths: tuple[int, ...] = ()


@dataclass(frozen=True)
class AblationPoint:
    """Scores of one submodel on held-out examples."""

    setting: str  # DROPOUT_POWER or LAYERS
    value: int
    scores: Scores  # Measure → percent
    loss: float  # Mean task loss
    violation_rate: float  # Percent of examples on which this or a less ablated submodel beats the full model
    milliseconds: float | None  # Per example; None for the full model, which is not run again


def check_submodels(
    model: Any, name: str, passes: Iterable[tuple[int, float | None]], depths: Sequence[int] = ()
) -> None:
    """Refuse dropout powers and base rates, and depths, that a model cannot have."""
    try:
        for power, p in passes:
            ablated_rates(model, power, p)
        if depths:
            check_depths(model, depths, whole=True)
    except ValueError as error:
        raise UserError(f"model {name}: {error}") from error


def submodel_curve(
    full: Any,
    run: Callable[..., Any],
    scored: Callable[[Any], Scores],
    submodels: Submodels,
) -> list[AblationPoint]:
    """Score the submodels of several dropout powers, with nested masks, and of several depths on held-out examples.

    ``full`` is the output of the full model, with ``losses`` ``(examples,)``; ``run`` takes the options of a submodel
    of :func:`cmploss.inference.run_sorted`.
    """
    masks = {"seed": submodels.seed, "p": submodels.p}
    dropped = {power: {"power": power, **masks} if power else {} for power in submodels.powers}
    cut = {depth: {"layers": depth} for depth in submodels.depths}
    return [
        *_curve(full, run, scored, DROPOUT_POWER, dropped),
        *_curve(full, run, scored, LAYERS, cut),
    ]


def _curve(
    full: Any,
    run: Callable[..., Any],
    scored: Callable[[Any], Scores],
    setting: str,
    submodels: Mapping[int, Mapping[str, Any]],
) -> Iterable[AblationPoint]:
    """The submodels of one kind, from little to much ablated; no options are those of the full model."""
    best = full.losses
    for value, options in submodels.items():
        start = time.perf_counter()
        found = run(**options) if options else full
        seconds = time.perf_counter() - start
        best = np.minimum(best, found.losses)
        beaten = 100 * float(np.mean(best < full.losses))
        milliseconds = 1000 * seconds / len(found.losses) if options else None
        yield AblationPoint(setting, value, scored(found), float(found.losses.mean()), beaten, milliseconds)


def curve_scores(split: str, curve: Iterable[AblationPoint]) -> list[Score]:
    """A curve for a record: for each submodel the measures, ``loss`` and ``violation_rate``."""
    return [
        score
        for point in curve
        for score in Score.of(
            split,
            {**point.scores, "loss": point.loss, VIOLATION_RATE: point.violation_rate},
            {point.setting: point.value},
        )
    ]
