"""From windows to logits, to the best answers of every question, and to their scores."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from cmploss.errors import NotFiniteError
from cmploss.inference import run_sorted
from cmploss.losses.per_example import span_losses
from cmploss.measures.answer_scores import best_thresholds, exact_match_f1
from cmploss.tasks.qa.collate import WindowCollator
from cmploss.tasks.qa.crop_dataset import with_context_size
from cmploss.tasks.qa.questions import Question, Span
from cmploss.tasks.qa.reader_config import ReaderConfig
from cmploss.tasks.qa.token_ranges import OUTSIDE
from cmploss.tasks.qa.windows import Window


@dataclass(frozen=True)
class WindowOutputs:
    """Start and end logits of windows ``(tokens,)``, and their task losses ``(windows,)``, in the order of windows."""

    starts: list[NDArray[np.float32]]
    ends: list[NDArray[np.float32]]
    losses: NDArray[np.float64]


@dataclass(frozen=True)
class Answer:
    """A span as an answer."""

    text: str
    score: float  # Start logit + end logit
    span: Span  # Its place in ``Question.texts``


@dataclass(frozen=True)
class Answers:
    """A model's answers to one question."""

    best: tuple[Answer, ...]  # Different spans, best first; empty if no span is possible
    null_score: float  # Score of giving no answer, the smallest among the question's windows

    @property
    def null_difference(self) -> float:
        """Null score − score of the best span; inf if there is no span."""
        return self.null_score - self.best[0].score if self.best else float("inf")

    def text(self, threshold: float | None = None) -> str:
        """The best span, or ``""`` if the null difference is above the threshold; without one, the span."""
        if not self.best or (threshold is not None and self.null_difference > threshold):
            return ""
        return self.best[0].text


@dataclass(frozen=True)
class Answered:
    """Questions and a model's answers."""

    questions: Sequence[Question]
    answers: list[Answers]  # one for each
    losses: NDArray[np.float64]  # mean loss over the windows of each question ``(questions,)``


def run_windows(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    windows: Sequence[Window],
    *,
    batch_size: int | None = None,
    **submodel: Any,
) -> WindowOutputs:
    """Run a model over windows, in eval mode or as a submodel (see :func:`cmploss.inference.run_sorted`)."""
    collate = WindowCollator(tokenizer, model)
    lengths = [len(window["input_ids"]) for window in windows]

    def run(batch: dict[str, Tensor]) -> Iterable[tuple[Any, Any, float]]:
        positions = batch.pop("start_positions"), batch.pop("end_positions")
        outputs = model(**batch)
        losses = span_losses(outputs.start_logits, outputs.end_logits, *positions, mask=batch["attention_mask"])
        logits = (each.float().cpu().numpy() for each in (outputs.start_logits, outputs.end_logits))
        return zip(*logits, losses.double().mean(-1).tolist(), strict=True)

    found = run_sorted(
        *(model, lengths, lambda rows: collate([windows[row] for row in rows]), run), batch_size=batch_size, **submodel
    )
    starts, ends, losses = zip(*found, strict=True)
    places = [slice(-n, None) if tokenizer.padding_side == "left" else slice(n) for n in lengths]
    return WindowOutputs(
        starts=[row[place] for row, place in zip(starts, places, strict=True)],
        ends=[row[place] for row, place in zip(ends, places, strict=True)],
        losses=np.array(losses),
    )


def read_answers(
    questions: Sequence[Question],
    windows: Sequence[Window],
    outputs: WindowOutputs,
    *,
    n_best: int = 1,
    max_answer_tokens: int = 30,
) -> list[Answers]:
    """The spans of largest ``start_logit_i + end_logit_j`` of each question, over all of its windows.

    A span lies in one text of one window, and ``i ≤ j < i + max_answer_tokens``. It may contain tokens of white space,
    such as a line break, but does not begin or end with one. Ties go to the span in the earlier window, then to the
    earlier start, then to the earlier end. The null score of a question is the smallest among its windows, because one
    window with an answer is enough.
    """
    of_question: list[list[int]] = [[] for _ in questions]
    for row, window in enumerate(windows):
        of_question[window["question"]].append(row)
    found = []
    for question, rows in zip(questions, of_question, strict=True):
        starts, ends = ([logits[row] for row in rows] for logits in (outputs.starts, outputs.ends))
        own = [windows[row] for row in rows]
        best = _best_spans(own, starts, ends, n_best, max_answer_tokens)
        nulls = zip([window["null_position"] for window in own], starts, ends, strict=True)
        null_score = min(float(start[place] + end[place]) for place, start, end in nulls)
        found.append(Answers(tuple(Answer(question.answer(span), best[span], span) for span in best), null_score))
    return found


def answered(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    reader: ReaderConfig,
    questions: Sequence[Question],
    windows: Sequence[Window] | None = None,
    *,
    n_best: int = 1,
    **options: Any,
) -> Answered:
    windows = reader.windows_of(questions, tokenizer) if windows is None else windows
    outputs = run_windows(model, tokenizer, windows, **options)
    numbers = np.array([window["question"] for window in windows])
    losses = np.bincount(numbers, outputs.losses) / np.bincount(numbers)
    found = read_answers(questions, windows, outputs, n_best=n_best, max_answer_tokens=reader.max_answer_tokens)
    return Answered(questions, found, losses)


def question_scores(found: Answered, closed: Collection[str] = (), threshold: float | None = None) -> dict[str, float]:
    """F1 and exact match in percent; if some questions have no answer, also for each kind, as in SQuAD 2.0."""
    predictions, references = _by_id(found, threshold)
    scores = exact_match_f1(predictions, references, closed=closed)
    if not all(references.values()):
        for kind, answerable in (("has_answer", True), ("no_answer", False)):
            chosen = {id: texts for id, texts in references.items() if bool(texts) == answerable}
            if chosen:
                part = exact_match_f1({id: predictions[id] for id in chosen}, chosen, closed=closed)
                scores |= {f"{kind}_{name}": value for name, value in part.items()}
    return {"f1": scores.pop("f1")} | scores


def context_scores(
    run: Callable[[Sequence[Question]], Answered],
    full: Answered,
    scored: Callable[[Answered], dict[str, float]],
    sizes: Iterable[int],
) -> dict[int, dict[str, float]]:
    """The scores of the same questions with contexts of several sizes."""
    scores = {}
    for size in sizes:
        cut = [with_context_size(question, size) for question in full.questions]
        scores[size] = scored(full if cut == list(full.questions) else run(cut))
    return scores


def best_threshold(found: Answered) -> float:
    """The threshold on the null difference with the best F1 on these questions."""
    pairs = zip(found.questions, found.answers, strict=True)
    differences = {question.id: answers.null_difference for question, answers in pairs}
    return best_thresholds(*_by_id(found, None), differences)["best_f1_threshold"]


def _by_id(found: Answered, threshold: float | None) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    pairs = list(zip(found.questions, found.answers, strict=True))
    predictions = {question.id: answers.text(threshold) for question, answers in pairs}
    return predictions, {question.id: question.answers for question, _ in pairs}


def _best_spans(
    windows: Sequence[Window],
    starts: Sequence[NDArray[np.float32]],
    ends: Sequence[NDArray[np.float32]],
    n_best: int,
    longest: int,
) -> dict[Span, float]:
    """Distinct spans of characters and their scores, best first; overlapping windows may have the same span."""

    def joined(rows: Iterable[NDArray[Any]], fill: int) -> NDArray[Any]:
        # Pad each window, so that no span reaches the next one.
        return np.concatenate([np.pad(row, (0, longest - 1), constant_values=fill) for row in rows])

    texts = joined((window["segments"] for window in windows), OUTSIDE)
    froms, tos = (joined((window["offsets"][:, side] for window in windows), 0) for side in (0, 1))
    # Row: the first token of a span; column: the number of tokens after it. A text occurs once in a window.
    last_texts = sliding_window_view(texts, longest)
    first_texts = last_texts[:, :1]
    scores = joined(starts, 0)[: len(last_texts), None] + sliding_window_view(joined(ends, 0), longest)
    scores = np.where((first_texts == last_texts) & (first_texts != OUTSIDE), scores, -np.inf)
    if not (scores < np.inf).all():
        raise NotFiniteError("start or end logits are not finite at a possible answer")
    best: dict[Span, float] = {}
    while len(best) < n_best:
        first, following = np.unravel_index(scores.argmax(), scores.shape)
        if scores[first, following] == -np.inf:
            break
        span = Span(int(texts[first]), int(froms[first]), int(tos[first + following]))
        best.setdefault(span, float(scores[first, following]))
        scores[first, following] = -np.inf
    return best
