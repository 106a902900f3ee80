"""Span decoding: the best answer spans of each question from start and end logits, as one batched computation.

A span lies in a *run*, neighbouring tokens of one segment, so every run becomes a row, whichever window it is from. The
``n`` best spans of a row are found from coarse to fine: first the ``n`` starts that have the best spans, then of these
the ``n`` stretches of ``part`` neighbouring ends, then single spans. This is exact: whatever is left out stands behind
``n`` others that hold a span at least as good.
"""

from dataclasses import dataclass
from math import isqrt

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

_ROWS = 2048  # runs decoded at once: many enough to be worth the calls, few enough to bound the memory


@dataclass(frozen=True)
class Spans:
    """The best spans of each question, best first; tensors ``(questions, n_best)``.

    Attributes:
        scores: Start logit + end logit, in float32 or wider; −inf where a question has fewer spans.
        windows: The row of the logits in which the span stands; −1 where there is none.
        starts: Its first token in that row; −1 where there is none.
        ends: Its last token, inclusive; −1 where there is none.
    """

    scores: Tensor
    windows: Tensor
    starts: Tensor
    ends: Tensor


@dataclass(frozen=True)
class _Runs:
    """Neighbouring tokens of one segment: the window and token where each run begins, and its length ``(runs,)``."""

    windows: Tensor
    begins: Tensor
    lengths: Tensor

    def at(self, rows: Tensor) -> "_Runs":
        return _Runs(self.windows[rows], self.begins[rows], self.lengths[rows])


@torch.no_grad()
def best_spans(
    start_logits: Tensor,
    end_logits: Tensor,
    segments: Tensor,
    questions: Tensor,
    *,
    positions: Tensor | None = None,
    n_best: int = 20,
    max_answer_tokens: int = 30,
) -> Spans:
    """The spans of largest ``start_logit_i + end_logit_j`` of each question, over all of its windows.

    A span lies in one window and one segment, and ``i ≤ j < i + max_answer_tokens``. The result is that of scoring
    every such span. Of equal scores the one in the earlier window comes first, then the one that starts earlier, then
    the one that ends earlier.

    Args:
        start_logits: ``(windows, tokens)``, any float dtype; half precision is added up in float32.
        end_logits: ``(windows, tokens)``.
        segments: Integers ``(windows, tokens)``: neighbours with one id ≥ 0 are of one segment; negative where no
            answer may stand (question, special tokens, padding). Logits there are not looked at.
        questions: Ids ``(windows,)`` from 0: the question of each window, in any order.
        positions: Integers ≥ 0 ``(windows, tokens)``: where in the question's context a token stands, such as its
            index there; no two tokens of a window may have the same. With it a span that windows share is given once,
            with its best score; without it as often as it is found.
        n_best: Spans for each question.
        max_answer_tokens: Tokens of the longest span; slower where it is a prime number.

    Returns:
        The best spans of the questions from 0 to the largest id.

    Raises:
        ValueError: Shapes that do not agree, numbers below 1, negative ids, or nan or inf among the logits.

    Example:
        Token 0 is of the question. The best span is token 1 alone, 3 + 2, then tokens 1 to 2, 3 + 1.

        >>> start, end = torch.tensor([[9.0, 3.0, 0.0]]), torch.tensor([[9.0, 2.0, 1.0]])
        >>> best = best_spans(start, end, torch.tensor([[-1, 0, 0]]), torch.tensor([0]), n_best=2)
        >>> best.scores, best.starts, best.ends
        (tensor([[5., 4.]]), tensor([[1, 1]]), tensor([[1, 2]]))
    """
    _check(start_logits, end_logits, questions)
    for name, tensor in (("segments", segments), ("positions", positions)):
        if tensor is not None and tensor.shape != start_logits.shape:
            raise ValueError(f"{name} {tuple(tensor.shape)} must be {tuple(start_logits.shape)}, as the logits")
    if n_best < 1 or max_answer_tokens < 1:
        raise ValueError(f"n_best={n_best} and max_answer_tokens={max_answer_tokens} must be at least 1")
    runs = _runs_of(segments)
    number, part = len(runs.lengths), _divisor(max_answer_tokens)
    scores = start_logits.new_full((number, n_best * part), -torch.inf, dtype=_wide(start_logits))
    starts, ends = segments.new_zeros((2, number, n_best), dtype=torch.long)
    by_length = runs.lengths.argsort(stable=True)  # so that little is padding
    for rows in torch.split(by_length, _ROWS) if number else ():
        found = _candidates(start_logits, end_logits, runs.at(rows), n_best, max_answer_tokens, part)
        for tensor, values in zip((scores, starts, ends), found, strict=True):
            tensor[rows, : values.shape[1]] = values
    return _merged(scores, starts, ends, runs.windows, questions, positions)


@torch.no_grad()
def null_scores(start_logits: Tensor, end_logits: Tensor, null_positions: Tensor, questions: Tensor) -> Tensor:
    """Score of giving no answer, ``start_logit_k + end_logit_k``: the smallest among the windows of a question.

    ``k`` is the token that stands for no answer. One window that holds an answer is enough, hence the smallest.

    Args:
        start_logits: ``(windows, tokens)``, any float dtype; half precision is added up in float32.
        end_logits: ``(windows, tokens)``.
        null_positions: ``k`` of each window ``(windows,)``: the first token, behind the padding if that is on the left.
        questions: Ids ``(windows,)`` from 0: the question of each window, in any order.

    Returns:
        Scores ``(questions,)`` from 0 to the largest id, in float32 or wider; inf for a question without a window.

    Raises:
        ValueError: Shapes that do not agree, or negative ids.

    Example:
        Two windows of one question: min(1 + 2, 3 + 4).

        >>> logits = torch.tensor([[1.0, 0.0], [3.0, 0.0]])
        >>> null_scores(logits, logits + 1, torch.tensor([0, 0]), torch.tensor([0, 0]))
        tensor([3.])
    """
    _check(start_logits, end_logits, questions)
    if null_positions.shape != questions.shape:
        raise ValueError(f"null_positions {tuple(null_positions.shape)} must be {tuple(questions.shape)}, (windows,)")
    wide, index = _wide(start_logits), null_positions[:, None]
    scores = (start_logits.gather(1, index).to(wide) + end_logits.gather(1, index).to(wide))[:, 0]
    return scores.new_full((_number_of(questions),), torch.inf).scatter_reduce(0, questions, scores, "amin")


def _runs_of(segments: Tensor) -> _Runs:
    """All runs of segments, in the order of their windows and tokens."""
    tokens = segments.shape[1]
    begin = torch.ones_like(segments, dtype=torch.bool)
    torch.ne(segments[:, 1:], segments[:, :-1], out=begin[:, 1:])
    begins = _places(begin)
    lengths = torch.diff(begins, append=begins.new_tensor([segments.numel()]))
    legal = segments.flatten()[begins] >= 0
    begins, lengths = begins[legal], lengths[legal]
    return _Runs(begins // tokens, begins % tokens, lengths)


def _candidates(
    start_logits: Tensor, end_logits: Tensor, runs: _Runs, n: int, longest: int, part: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Scores ``(runs, n · part)`` that hold the ``n`` best spans of each run, ordered by start, then by end.

    Each ``part`` of them have one start and neighbouring ends: also that start and the first of the ends ``(runs, n)``.
    Fewer than ``n`` if all runs are short; −inf for what is no span.
    """
    tokens, width = start_logits.shape[1], int(runs.lengths.max())
    firsts = runs.begins.clamp(max=tokens - width)[:, None]  # rows must not reach beyond their windows
    place = torch.arange(width, device=firsts.device) + firsts
    outside = (place < runs.begins[:, None]) | (place >= (runs.begins + runs.lengths)[:, None])
    offsets = runs.windows * tokens + firsts[:, 0]
    start = _rows(start_logits, offsets, outside)
    end = F.pad(_rows(end_logits, offsets, outside), (0, longest - 1), value=-torch.inf)

    near = F.max_pool1d(end, part, stride=1)  # from each token on, the best of `part` ends
    best = start + F.max_pool1d(near, longest // part, stride=1, dilation=part)
    if not bool(best.amax() < torch.inf):
        raise ValueError("start_logits or end_logits have nan or inf where an answer may stand")
    starts = _largest(best, n)

    scores = start.gather(1, starts)[..., None] + _following(near, starts, longest // part, step=part)
    chosen = _largest(scores.flatten(1), n)
    node = chosen // (longest // part)
    starts = starts.gather(1, node)
    ends = starts + (chosen - node * (longest // part)) * part

    scores = start.gather(1, starts)[..., None] + _following(end, ends, part, step=1)
    return scores.flatten(1), starts + firsts, ends + firsts


def _rows(logits: Tensor, offsets: Tensor, outside: Tensor) -> Tensor:
    """Rows of the flattened logits, each from its offset on; −inf where they are outside of the run."""
    rows = logits.flatten().unfold(0, outside.shape[1], 1).index_select(0, offsets)
    return rows.to(_wide(logits)).masked_fill_(outside, -torch.inf)


def _following(rows: Tensor, columns: Tensor, count: int, *, step: int) -> Tensor:
    """From each of the columns ``(rows, k)`` on, ``count`` values of its row, ``step`` apart: ``(rows, k, count)``."""
    offsets = columns + rows.shape[1] * _ascending(rows)
    stretches = rows.flatten().unfold(0, (count - 1) * step + 1, 1)
    return stretches.index_select(0, offsets.flatten())[:, ::step].view(*columns.shape, count)


def _largest(values: Tensor, n: int) -> Tensor:
    """Columns of the ``n`` largest values of each row, in ascending order; of equal values the first ones."""
    if values.shape[1] <= n:
        return torch.arange(values.shape[1], device=values.device).expand_as(values)
    least = _nth_largest(values, n)
    places = _places(values >= least)
    if len(places) > n * len(values):  # values equal to the least: as many of them as there is room for
        above, equal = values > least, values == least
        places = _places(above | (equal & (equal.cumsum(1) <= n - above.sum(1, keepdim=True))))
    return places.view(-1, n) - values.shape[1] * _ascending(values)


def _ascending(rows: Tensor) -> Tensor:
    """Numbers of the rows ``(rows, 1)``."""
    return torch.arange(len(rows), device=rows.device)[:, None]


# These two take much of the time. On the CPU numpy does them with vector instructions, at twice the speed or more.


def _nth_largest(values: Tensor, n: int) -> Tensor:
    if _with_numpy(values):
        return torch.from_numpy(np.sort(values.numpy(), axis=1)[:, -n, None])
    return values.topk(n, sorted=False).values.amin(1, keepdim=True)


def _places(mask: Tensor) -> Tensor:
    """Indices into the flattened mask where it is true, in ascending order."""
    if _with_numpy(mask):
        return torch.from_numpy(np.flatnonzero(mask.numpy()))
    return mask.flatten().nonzero()[:, 0]


def _with_numpy(tensor: Tensor) -> bool:
    return tensor.device.type == "cpu"


def _merged(
    scores: Tensor, starts: Tensor, ends: Tensor, windows: Tensor, questions: Tensor, positions: Tensor | None
) -> Spans:
    """The best candidates of each question, for all questions with one number of runs at a time."""
    n = starts.shape[1]
    part = scores.shape[1] // n
    shape = (_number_of(questions), n)
    best = Spans(scores.new_full(shape, -torch.inf), *starts.new_full((3, *shape), -1))
    counts = questions[windows].bincount(minlength=shape[0])
    by_question = questions[windows].argsort(stable=True)
    firsts = counts.cumsum(0) - counts
    for count in torch.unique(counts[counts > 0]).tolist():
        group = (counts == count).nonzero()[:, 0]
        runs = by_question[firsts[group, None] + torch.arange(count, device=group.device)]
        values = scores[runs].flatten(1)
        chosen = _largest(values, n if positions is None else n * count)  # a span has at most `count` copies
        values, order = values.gather(1, chosen).sort(dim=1, descending=True, stable=True)
        chosen = chosen.gather(1, order)
        node = chosen // part
        window = windows[runs].gather(1, node // n)
        start = starts[runs].flatten(1).gather(1, node)
        end = ends[runs].flatten(1).gather(1, node) + chosen - node * part
        if positions is not None:
            within = end.clamp(max=positions.shape[1] - 1)  # what is no span may end beyond its window
            copies = _repeated(positions[window, start], positions[window, within])
            values, order = values.masked_fill(copies, -torch.inf).sort(dim=1, descending=True, stable=True)
            window, start, end = (tensor.gather(1, order) for tensor in (window, start, end))
        missing = values[:, :n] == -torch.inf
        best.scores[group] = values[:, :n]
        for tensor, found in ((best.windows, window), (best.starts, start), (best.ends, end)):
            tensor[group] = found[:, :n].masked_fill(missing, -1)
    return best


def _repeated(first: Tensor, second: Tensor) -> Tensor:
    """Where a pair of numbers ≥ 0 has stood in the row before."""
    keys, order = (first * (second.max() + 1) + second).sort(dim=1, stable=True)
    return torch.zeros_like(keys, dtype=torch.bool).scatter(1, order, F.pad(keys[:, 1:] == keys[:, :-1], (1, 0)))


def _divisor(number: int) -> int:
    """The largest divisor up to the square root."""
    return next(divisor for divisor in range(isqrt(number), 0, -1) if number % divisor == 0)


def _wide(logits: Tensor) -> torch.dtype:
    return torch.promote_types(logits.dtype, torch.float32)


def _number_of(questions: Tensor) -> int:
    return int(questions.max()) + 1 if len(questions) else 0


def _check(start_logits: Tensor, end_logits: Tensor, questions: Tensor) -> None:
    shape = tuple(start_logits.shape)
    if len(shape) != 2 or 0 in shape[1:] or end_logits.shape != shape:
        raise ValueError(f"start_logits {shape} and end_logits {tuple(end_logits.shape)} must be (windows, tokens)")
    if questions.shape != shape[:1] or (questions < 0).any():
        raise ValueError(f"questions must be {shape[0]} ids from 0, one for each window")
