"""Training: a thin ``transformers.Trainer`` and the plain loop that it must agree with."""

from cmploss.training.loop import train_loop
from cmploss.training.trainer import ObjectiveTrainer

__all__ = ["ObjectiveTrainer", "train_loop"]
