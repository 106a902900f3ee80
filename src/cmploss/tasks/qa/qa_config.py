"""Options of question answering."""

from dataclasses import dataclass
from typing import Literal

from cmploss.options import whole_numbers

ReadingFit = Literal["windows", "shortened"]


@dataclass(frozen=True)
class QuestionConfig:
    """How questions and their contexts are read; for the tasks of question answering alone.

    Attributes:
        distractors: Of squad and squad_v2: read every question among so many other paragraphs of its article.
        stride: Tokens that neighbouring windows of a long context share.
        max_question_tokens: A longer question is refused.
        max_paragraph_tokens: A longer paragraph is cut, where several stand in one window.
        max_answer_tokens: Tokens of the longest answer.
        fit: What evaluation does with paragraphs that do not fit into one window; read them in several windows, or
            shortened in one.
        context_size: Score the evaluation split also with 2,4,6 … paragraphs per question (compare and evaluate).
    """

    distractors: int | None = None
    stride: int = 128
    max_question_tokens: int = 160
    max_paragraph_tokens: int = 256
    max_answer_tokens: int = 30
    fit: ReadingFit = "windows"
    context_size: str | None = None

    @property
    def sizes(self) -> tuple[int, ...]:
        """The context sizes, ascending."""
        return whole_numbers("context_size", self.context_size, least=1)
