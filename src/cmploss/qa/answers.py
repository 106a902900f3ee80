"""From logits to the best answers of every question, as text with its place."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cmploss.decoding import best_spans, null_scores
from cmploss.qa.examples import Question, Span
from cmploss.qa.inference import WindowOutputs
from cmploss.qa.tokens import OUTSIDE
from cmploss.qa.windows import Window


@dataclass(frozen=True)
class Answer:
    """A span as an answer.

    Attributes:
        text: Its characters.
        score: Start logit + end logit.
        span: Where it stands in ``Question.texts``.
    """

    text: str
    score: float
    span: Span


@dataclass(frozen=True)
class Answers:
    """What a model answers to a question.

    Attributes:
        best: Different spans, best first; empty where there is no place for an answer.
        null_score: Score of giving no answer, the smallest among the question's windows.
    """

    best: tuple[Answer, ...]
    null_score: float

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
    """The best answers of every question over all of its windows.

    Args:
        questions: That the windows were made of.
        windows: At least one for each question.
        outputs: Of the windows.
        n_best: Answers for each question.
        max_answer_tokens: Tokens of the longest answer.
    """
    longest = max(len(window["input_ids"]) for window in windows)
    starts, ends = (_padded(rows, longest, 0.0) for rows in (outputs.starts, outputs.ends))
    segments = _padded([window["segments"] for window in windows], longest, OUTSIDE)
    numbers = torch.tensor([window["question"] for window in windows])
    nulls = torch.tensor([window["null_position"] for window in windows])
    # Windows that overlap give a span more than once: enough of them must be asked for to have n_best different ones.
    found = best_spans(
        starts,
        ends,
        segments,
        numbers,
        n_best=n_best * (_copies(windows) if n_best > 1 else 1),
        max_answer_tokens=max_answer_tokens,
    )
    silent = null_scores(starts, ends, nulls, numbers).tolist()
    rows = zip(found.scores.tolist(), found.windows.tolist(), found.starts.tolist(), found.ends.tolist(), strict=True)
    answers = []
    for question, null, row in zip(questions, silent, rows, strict=True):
        best: dict[Span, float] = {}
        for score, window, first, last in zip(*row, strict=True):
            if window >= 0:
                best.setdefault(_span(windows[window], first, last), score)
        chosen = list(best.items())[:n_best]
        answers.append(Answers(tuple(Answer(question.answer(span), score, span) for span, score in chosen), null))
    return answers


def _span(window: Window, first: int, last: int) -> Span:
    return Span(int(window["segments"][first]), int(window["offsets"][first, 0]), int(window["offsets"][last, 1]))


def _copies(windows: Sequence[Window]) -> int:
    """The largest number of windows of a question that read one text."""
    counts = Counter((window["question"], text) for window in windows for text in set(window["segments"].tolist()))
    return max((count for (_, text), count in counts.items() if text != OUTSIDE), default=1)


def _padded(rows: Sequence[NDArray[np.generic]], longest: int, value: float) -> Tensor:
    padded = np.full((len(rows), longest), value, rows[0].dtype)
    for out, row in zip(padded, rows, strict=True):
        out[: len(row)] = row
    return torch.from_numpy(padded)
