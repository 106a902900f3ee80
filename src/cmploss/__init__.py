"""Fine-tune transformers models with a comparative loss, and test whether it helps."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss._version import __version__ as __version__
    from cmploss.ablation import (
        CmpCrop as CmpCrop,
        CmpDrop as CmpDrop,
        CmpLayer as CmpLayer,
        nested_dropout as nested_dropout,
    )
    from cmploss.losses import (
        comparative_loss as comparative_loss,
        comparison_weights as comparison_weights,
        primary_loss as primary_loss,
        supervised_contrastive_loss as supervised_contrastive_loss,
    )
    from cmploss.objectives import (
        Comparative as Comparative,
        Distill as Distill,
        EqualCompute as EqualCompute,
        LabelSmoothing as LabelSmoothing,
        LoL as LoL,
        RDrop as RDrop,
        SelfDistill as SelfDistill,
        Supervised as Supervised,
        SupervisedContrastive as SupervisedContrastive,
        Weighted as Weighted,
    )
    from cmploss.studies.comparison import compare as compare
    from cmploss.tasks.qa.reader import Reader as Reader, ReaderAnswer as ReaderAnswer
    from cmploss.training import ObjectiveTrainer as ObjectiveTrainer


def __getattr__(name: str) -> object:
    from cmploss.objectives.lol import renamed

    return renamed(name)


import_when_used(__name__)
