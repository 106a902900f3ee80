"""Extractive question answering: SQuAD, HotpotQA and your own data as windows with labels, and nested crops."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.tasks.qa.collate import ViewCollator, WindowCollator
    from cmploss.tasks.qa.crop_dataset import CropDataset
    from cmploss.tasks.qa.hotpotqa import read_hotpotqa
    from cmploss.tasks.qa.passages_jsonl import read_segments
    from cmploss.tasks.qa.qa_config import QuestionConfig
    from cmploss.tasks.qa.question_data import QuestionData, load_questions
    from cmploss.tasks.qa.questions import Question, Segment, Span
    from cmploss.tasks.qa.reader_config import ReaderConfig
    from cmploss.tasks.qa.squad import read_squad
    from cmploss.tasks.qa.windows import WindowConfig

__all__ = [
    "CropDataset",
    "Question",
    "QuestionConfig",
    "QuestionData",
    "ReaderConfig",
    "Segment",
    "Span",
    "ViewCollator",
    "WindowCollator",
    "WindowConfig",
    "load_questions",
    "read_hotpotqa",
    "read_segments",
    "read_squad",
]

import_when_used(__name__)
