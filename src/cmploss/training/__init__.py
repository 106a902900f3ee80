"""Training: a thin ``transformers.Trainer`` and the plain loop that it must agree with."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.training.loop import train_loop as train_loop
    from cmploss.training.trainer import ObjectiveTrainer as ObjectiveTrainer

import_when_used(__name__)
