"""Extractive question answering: SQuAD, HotpotQA and your own data as windows with labels, and nested crops."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.tasks.qa.collate import ViewCollator, WindowCollator
    from cmploss.tasks.qa.crop_dataset import CropDataset, with_context_size
    from cmploss.tasks.qa.held_out_questions import held_out_questions
    from cmploss.tasks.qa.hotpotqa import read_hotpotqa
    from cmploss.tasks.qa.paragraphs import paragraph_windows
    from cmploss.tasks.qa.passages_jsonl import read_segments
    from cmploss.tasks.qa.qa_config import QuestionConfig
    from cmploss.tasks.qa.question_data import QuestionData, load_questions
    from cmploss.tasks.qa.questions import Question, Segment, Span
    from cmploss.tasks.qa.reader_config import ReaderConfig
    from cmploss.tasks.qa.squad import read_squad, squad_from_hub, with_distractors
    from cmploss.tasks.qa.windows import Window, WindowConfig, context_windows

__all__ = [
    "CropDataset",
    "Question",
    "QuestionConfig",
    "QuestionData",
    "ReaderConfig",
    "Segment",
    "Span",
    "ViewCollator",
    "Window",
    "WindowCollator",
    "WindowConfig",
    "context_windows",
    "held_out_questions",
    "load_questions",
    "paragraph_windows",
    "read_hotpotqa",
    "read_segments",
    "read_squad",
    "squad_from_hub",
    "with_context_size",
    "with_distractors",
]

import_when_used(__name__)
