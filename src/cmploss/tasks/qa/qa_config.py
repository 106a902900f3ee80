"""Options of question answering."""

from dataclasses import dataclass
from typing import Literal

from cmploss.options import whole_numbers

ReadingFit = Literal["windows", "shortened"]


@dataclass(frozen=True)
class QuestionConfig:
    """How questions and their contexts are read; for question answering only.

    Attributes:
        distractors: Number of other paragraphs of its article that are read with each question of squad and squad_v2.
        stride: Tokens shared by neighbouring windows of a long context.
        max_question_tokens: Longest question in tokens, at most half of a window; longer ones are cut and counted.
        max_paragraph_tokens: Longest paragraph in tokens if a window has several; longer ones are cut.
        max_answer_tokens: Longest answer in tokens.
        fit: How evaluation reads paragraphs that do not fit into one window: in several windows, or shortened in one.
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
