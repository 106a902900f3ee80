"""Extractive question answering: SQuAD, HotpotQA and your own data as windows with labels, and nested crops."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.tasks.qa.collate import ViewCollator, WindowCollator
    from cmploss.tasks.qa.crop_dataset import CropDataset
    from cmploss.tasks.qa.qa_config import QuestionConfig
    from cmploss.tasks.qa.question_files import read_questions
    from cmploss.tasks.qa.questions import Question, Segment, Span
    from cmploss.tasks.qa.reader_config import ReaderConfig
    from cmploss.tasks.qa.windows import WindowConfig

__all__ = [
    "CropDataset",
    "Question",
    "QuestionConfig",
    "ReaderConfig",
    "Segment",
    "Span",
    "ViewCollator",
    "WindowCollator",
    "WindowConfig",
    "read_questions",
]

import_when_used(__name__)
