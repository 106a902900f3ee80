"""Extractive question answering: SQuAD, HotpotQA and your own data as windows with labels, and nested crops."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.tasks.qa.collate import ViewCollator as ViewCollator, WindowCollator as WindowCollator
    from cmploss.tasks.qa.crop_dataset import CropDataset as CropDataset
    from cmploss.tasks.qa.qa_config import QuestionConfig as QuestionConfig
    from cmploss.tasks.qa.question_files import read_questions as read_questions
    from cmploss.tasks.qa.questions import Question as Question, Segment as Segment, Span as Span
    from cmploss.tasks.qa.reader_config import ReaderConfig as ReaderConfig
    from cmploss.tasks.qa.windows import WindowConfig as WindowConfig

import_when_used(__name__)
