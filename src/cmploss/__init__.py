"""Fine-tune language models with losses that compare."""

from cmploss.ablation import CmpCrop, CmpDrop, nested_dropout
from cmploss.losses import comparative_loss, comparison_weights, primary_loss, supervised_contrastive_loss
from cmploss.objectives import (
    Comparative,
    EqualCompute,
    LabelSmoothing,
    LoL,
    RDrop,
    Supervised,
    SupervisedContrastive,
)
from cmploss.objectives.lol import renamed
from cmploss.tasks.qa.reader import Reader, ReaderAnswer
from cmploss.training import ObjectiveTrainer

__all__ = [
    "CmpCrop",
    "CmpDrop",
    "Comparative",
    "EqualCompute",
    "LabelSmoothing",
    "LoL",
    "ObjectiveTrainer",
    "RDrop",
    "Reader",
    "ReaderAnswer",
    "Supervised",
    "SupervisedContrastive",
    "comparative_loss",
    "comparison_weights",
    "nested_dropout",
    "primary_loss",
    "supervised_contrastive_loss",
]


def __getattr__(name: str) -> object:
    return renamed(name)
