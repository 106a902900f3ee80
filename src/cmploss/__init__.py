"""Fine-tune transformers models with a comparative loss, and test whether it helps."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss._version import __version__
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
        Weighted,
    )
    from cmploss.studies.comparison import compare
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
    "Weighted",
    "__version__",
    "comparative_loss",
    "compare",
    "comparison_weights",
    "nested_dropout",
    "primary_loss",
    "supervised_contrastive_loss",
]


def __getattr__(name: str) -> object:
    from cmploss.objectives.lol import renamed

    return renamed(name)


import_when_used(__name__)
