"""Fine-tune language models with losses that compare."""

from cmploss.ablation import CmpCrop, CmpDrop, nested_dropout
from cmploss.losses import comparative_loss, comparison_weights, primary_loss
from cmploss.objectives import Comparative, EqualCompute, Feedback, Supervised
from cmploss.training import ObjectiveTrainer

__all__ = [
    "CmpCrop",
    "CmpDrop",
    "Comparative",
    "EqualCompute",
    "Feedback",
    "ObjectiveTrainer",
    "Supervised",
    "comparative_loss",
    "comparison_weights",
    "nested_dropout",
    "primary_loss",
]
