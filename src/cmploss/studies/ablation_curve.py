"""How a trained model holds out when its neurons are ablated."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from cmploss.losses import violations

Scores = dict[str, float]


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


def ablation_curve(
    run: Callable[[int | None], tuple[Scores, NDArray[np.float64]]], powers: Sequence[int]
) -> list[AblationPoint]:
    """Measure a model and its submodels of several dropout powers, with nested masks, on held-out examples.

    Args:
        run: Dropout power, or None for the full model → its scores, and its loss on each example ``(examples,)``.
        powers: Dropout powers in ascending order.
    """
    full = run(None)
    losses = [torch.tensor(full[1])]
    curve = []
    for power in powers:
        scores, found = full if power == 0 else run(power)
        if power > 0:
            losses.append(torch.tensor(found))
        beaten = violations(torch.stack(losses, -1)).double().mean().item()
        curve.append(AblationPoint(power, scores, float(found.mean()), 100 * beaten))
    return curve
