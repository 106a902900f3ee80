"""From logits to the best answers of every question, as text with its place, and their scores."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from cmploss.measures.answer_scores import best_thresholds, exact_match_f1, scores_by_answerability
from cmploss.tasks.qa.collate import padded
from cmploss.tasks.qa.decoding import Spans, best_spans, null_scores
from cmploss.tasks.qa.questions import Question, Span
from cmploss.tasks.qa.reader_config import ReaderConfig
from cmploss.tasks.qa.reader_inference import WindowOutputs, run_windows
from cmploss.tasks.qa.token_ranges import OUTSIDE
from cmploss.tasks.qa.windows import Window


@dataclass(frozen=True)
class Answer:
    """A span as an answer."""

    text: str  # Its characters
    score: float  # Start logit + end logit
    span: Span  # Where it stands in ``Question.texts``


@dataclass(frozen=True)
class Answers:
    """What a model answers to a question."""

    best: tuple[Answer, ...]  # Different spans, best first; empty where there is no place for an answer
    null_score: float  # Score of giving no answer, the smallest among the question's windows

    @property
    def null_difference(self) -> float:
        """Null score − score of the best span; inf where there is none."""
        return self.null_score - self.best[0].score if self.best else float("inf")

    def text(self, threshold: float | None = None) -> str:
        """The best span, or ``""`` if the null difference is above the threshold; by default always the span."""
        if not self.best or (threshold is not None and self.null_difference > threshold):
            return ""
        return self.best[0].text


def read_answers(
    questions: Sequence[Question],
    windows: Sequence[Window],
    outputs: WindowOutputs,
    *,
    n_best: int = 1,
    max_answer_tokens: int = 30,
) -> list[Answers]:
    places = [slice(len(window["input_ids"])) for window in windows]
    longest = max(place.stop for place in places)
    starts, ends = (padded(rows, places, longest, 0, rows[0].dtype) for rows in (outputs.starts, outputs.ends))
    numbers = torch.tensor([window["question"] for window in windows])
    nulls = torch.tensor([window["null_position"] for window in windows])
    nothing = null_scores(starts, ends, nulls, numbers).tolist()
    segments, space = _joined(padded([window["segments"] for window in windows], places, longest, OUTSIDE))
    starts, ends = (logits.masked_fill(space, -torch.inf) for logits in (starts, ends))

    # Some spans of tokens are the same characters: in windows that overlap, or where several tokens share a character.
    wanted, best = n_best, None
    while best is None:
        found = best_spans(starts, ends, segments, numbers, n_best=wanted, max_answer_tokens=max_answer_tokens)
        best = _different(windows, found, n_best)
        wanted *= 2
    return [
        Answers(tuple(Answer(question.answer(span), score, span) for span, score in spans.items()), null)
        for question, spans, null in zip(questions, best, nothing, strict=True)
    ]


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


def _different(windows: Sequence[Window], found: Spans, n_best: int) -> list[dict[Span, float]] | None:
    """The different spans of characters of each question, at most ``n_best``; None if more may be to be found."""
    best = []
    columns = (found.scores, found.windows, found.starts, found.ends)
    for row in zip(*(column.tolist() for column in columns), strict=True):
        spans: dict[Span, float] = {}
        for score, window, first, last in zip(*row, strict=True):
            if window >= 0 and len(spans) < n_best:
                spans.setdefault(_span(windows[window], first, last), score)
        exhausted = row[1][-1] < 0
        if len(spans) < n_best and not exhausted:
            return None
        best.append(spans)
    return best


def _span(window: Window, first: int, last: int) -> Span:
    return Span(int(window["segments"][first]), int(window["offsets"][first, 0]), int(window["offsets"][last, 1]))


def _joined(segments: Tensor) -> tuple[Tensor, Tensor]:
    """Segments with the tokens of white space inside a text as part of it, and where these are ``(windows, tokens)``.

    An answer may go on over them, as over a line break, but does not begin or end with one.
    """
    ids, at = segments.numpy(), np.arange(segments.shape[1])
    before = np.maximum.accumulate(np.where(ids == OUTSIDE, 0, at), axis=1)
    after = np.minimum.accumulate(np.where(ids == OUTSIDE, at[-1], at)[:, ::-1], axis=1)[:, ::-1]
    left, right = (np.take_along_axis(ids, places, axis=1) for places in (before, after))
    space = (ids == OUTSIDE) & (left == right) & (left != OUTSIDE)
    return torch.from_numpy(np.where(space, left, ids)), torch.from_numpy(space)
