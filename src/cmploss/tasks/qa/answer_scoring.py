"""A model's answers to the questions of a split, and their scores."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from cmploss.measures.answer_scores import best_thresholds, exact_match_f1, scores_by_answerability
from cmploss.tasks.qa.answers import Answers, read_answers
from cmploss.tasks.qa.questions import Question
from cmploss.tasks.qa.reader_config import ReaderConfig
from cmploss.tasks.qa.reader_inference import run_windows
from cmploss.tasks.qa.windows import Window


@dataclass(frozen=True)
class Answered:
    """Questions, and what a model answers to them."""

    questions: Sequence[Question]
    answers: list[Answers]  # one for each
    losses: NDArray[np.float64]  # mean loss over the windows of each question ``(questions,)``


def answered(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    questions: Sequence[Question],
    windows: Sequence[Window],
    reader: ReaderConfig,
    *,
    n_best: int = 1,
    **options: Any,
) -> Answered:
    outputs = run_windows(model, tokenizer, windows, **options)
    numbers = np.array([window["question"] for window in windows])
    losses = np.bincount(numbers, outputs.losses) / np.bincount(numbers)
    found = read_answers(questions, windows, outputs, n_best=n_best, max_answer_tokens=reader.max_answer_tokens)
    return Answered(questions, found, losses)


def question_scores(found: Answered, closed: Collection[str] = (), threshold: float | None = None) -> dict[str, float]:
    """F1 and exact match in percent; where some questions have no answer, also of both kinds of questions."""
    predictions, references = _by_id(found, threshold)
    if all(references.values()):
        scores = exact_match_f1(predictions, references, closed=closed)
    else:
        scores = scores_by_answerability(predictions, references)
    return {"f1": scores.pop("f1")} | {name: value for name, value in scores.items() if not name.endswith("questions")}


def best_threshold(found: Answered) -> float:
    """The threshold on the null difference with the best F1 on these questions."""
    differences = {
        each.id: answers.null_difference for each, answers in zip(found.questions, found.answers, strict=True)
    }
    return best_thresholds(*_by_id(found, None), differences)["best_f1_threshold"]


def _by_id(found: Answered, threshold: float | None) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    pairs = list(zip(found.questions, found.answers, strict=True))
    predictions = {question.id: answers.text(threshold) for question, answers in pairs}
    return predictions, {question.id: question.answers for question, _ in pairs}
