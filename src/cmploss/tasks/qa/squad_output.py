"""The files that the official script of SQuAD scores."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from cmploss.errors import UserError
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


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Write one of these files in full or not at all, and over none that exists.

    Raises:
        UserError: There is a file already.
    """
    if path.exists():
        raise UserError(f"{path} exists already; give another name")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    partial.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    partial.rename(path)
