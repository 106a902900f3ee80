"""Extractive question answering: SQuAD, HotpotQA and your own data as windows with labels, and nested crops."""

from cmploss.qa.collate import ViewCollator, WindowCollator
from cmploss.qa.config import QuestionConfig
from cmploss.qa.crops import CropDataset, with_context_size
from cmploss.qa.data import QuestionData, load_questions
from cmploss.qa.examples import Question, Segment, Span
from cmploss.qa.held_out import held_out_questions
from cmploss.qa.hotpotqa import read_hotpotqa
from cmploss.qa.paragraphs import paragraph_windows
from cmploss.qa.reader_config import ReaderConfig
from cmploss.qa.segments import read_segments
from cmploss.qa.squad import read_squad, split_by_group, squad_from_hub, with_distractors
from cmploss.qa.windows import Window, WindowConfig, context_windows, lost_answers

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
    "lost_answers",
    "paragraph_windows",
    "read_hotpotqa",
    "read_segments",
    "read_squad",
    "split_by_group",
    "squad_from_hub",
    "with_context_size",
    "with_distractors",
]
