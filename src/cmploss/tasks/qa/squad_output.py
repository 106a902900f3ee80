"""The files that the official script of SQuAD scores."""

from collections.abc import Sequence

from cmploss.tasks.qa.answers import Answers
from cmploss.tasks.qa.questions import Question


def predictions_of(
    questions: Sequence[Question], answers: Sequence[Answers], threshold: float | None = None
) -> dict[str, str]:
    """The prediction file: question id → answer, ``""`` where the null difference is above the threshold."""
    return {question.id: found.text(threshold) for question, found in zip(questions, answers, strict=True)}


def null_odds_of(questions: Sequence[Question], answers: Sequence[Answers]) -> dict[str, float]:
    """The file of null odds: question id → null score − score of the best span, inf where there is none."""
    return {question.id: found.null_difference for question, found in zip(questions, answers, strict=True)}
