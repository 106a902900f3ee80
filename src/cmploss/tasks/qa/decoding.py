"""Span decoding: the best answer spans of each question from start and end logits, exact and batched."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

_ROWS = 512  # runs that are decoded at a time, to bound the memory


@dataclass(frozen=True)
class Spans:
    """The best spans of each question, best first; tensors ``(questions, n_best)``."""

    scores: Tensor  # Start logit + end logit, in float32 or wider; −inf where a question has fewer spans
    windows: Tensor  # The row of the logits in which the span stands; −1 where there is none
    starts: Tensor  # Its first token in that row; −1 where there is none
    ends: Tensor  # Its last token, inclusive; −1 where there is none


@torch.no_grad()
def best_spans(
    start_logits: Tensor,
    end_logits: Tensor,
    segments: Tensor,
    questions: Tensor,
    *,
    n_best: int = 20,
    max_answer_tokens: int = 30,
) -> Spans:
    """The spans of largest ``start_logit_i + end_logit_j`` of each question, over all of its windows.

    A span lies in one window and one segment, and ``i ≤ j < i + max_answer_tokens``. The result is that of scoring
    every such span. Of equal scores the one in the earlier window comes first, then the one that starts earlier, then
    the one that ends earlier.

    Logits and ``segments`` are ``(windows, tokens)``: neighbours with one id ≥ 0 are in one segment; at negative ids no
    answer may stand (question, special tokens, padding), and logits are not read. Half precision is added up in
    float32. ``questions`` ``(windows,)`` are ids from 0, in any order; the result has a row for each up to the largest.

    Example:
        Token 0 belongs to the question. The best span is token 1 alone, 3 + 2, then tokens 1 to 2, 3 + 1.

        >>> start, end = torch.tensor([[9.0, 3.0, 0.0]]), torch.tensor([[9.0, 2.0, 1.0]])
        >>> best = best_spans(start, end, torch.tensor([[-1, 0, 0]]), torch.tensor([0]), n_best=2)
        >>> best.scores, best.starts, best.ends
        (tensor([[5., 4.]]), tensor([[1, 1]]), tensor([[1, 2]]))
    """
    kind = torch.promote_types(start_logits.dtype, torch.float32)
    start, end = (logits.to(kind).masked_fill(segments < 0, -torch.inf) for logits in (start_logits, end_logits))
    if not bool((start < torch.inf).all() & (end < torch.inf).all()):
        raise ValueError("start_logits or end_logits have nan or inf where an answer may stand")
    windows, begins, lengths = _runs(segments)
    scores = start.new_full((len(windows), n_best), -torch.inf)
    starts, ends = segments.new_zeros((2, *scores.shape), dtype=torch.long)
    by_length = lengths.argsort(stable=True)  # little is padding
    for rows in torch.split(by_length, _ROWS) if len(windows) else ():
        place = begins[rows, None] + torch.arange(int(lengths[rows].max()), device=rows.device)
        outside = place >= (begins + lengths)[rows, None]
        index = windows[rows, None], place.clamp(max=segments.shape[1] - 1)
        first_logits, last_logits = (values[index].masked_fill_(outside, -torch.inf) for values in (start, end))
        best, first, last = _best_of_rows(first_logits, last_logits, n_best, max_answer_tokens)
        width = best.shape[1]
        scores[rows, :width], starts[rows, :width], ends[rows, :width] = best, place.gather(1, first), last - first
    return _best_of_questions(scores, starts, starts + ends, windows, questions, n_best)


@torch.no_grad()
def null_scores(start_logits: Tensor, end_logits: Tensor, null_positions: Tensor, questions: Tensor) -> Tensor:
    """Score of giving no answer, ``start_logit_k + end_logit_k``: the smallest among the windows of a question.

    ``k`` is the token that stands for no answer. One window that holds an answer is enough, hence the smallest.

    Example:
        Two windows of one question: min(1 + 2, 3 + 4).

        >>> logits = torch.tensor([[1.0, 0.0], [3.0, 0.0]])
        >>> null_scores(logits, logits + 1, torch.tensor([0, 0]), torch.tensor([0, 0]))
        tensor([3.])
    """
    kind, index = torch.promote_types(start_logits.dtype, torch.float32), null_positions[:, None]
    scores = (start_logits.gather(1, index).to(kind) + end_logits.gather(1, index).to(kind))[:, 0]
    return scores.new_full((_number_of(questions),), torch.inf).scatter_reduce(0, questions, scores, "amin")


def _runs(segments: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Stretches of neighbouring tokens of one segment, in order: window, first token and length of each ``(runs,)``."""
    begins = F.pad(segments[:, 1:] != segments[:, :-1], (1, 0), value=True).flatten().nonzero()[:, 0]
    lengths = torch.diff(begins, append=begins.new_tensor([segments.numel()]))
    legal = segments.flatten()[begins] >= 0
    begins, lengths = begins[legal], lengths[legal]
    return begins // segments.shape[1], begins % segments.shape[1], lengths


def _best_of_rows(start: Tensor, end: Tensor, n: int, longest: int) -> tuple[Tensor, Tensor, Tensor]:
    """Scores, starts and ends of the best spans of each row ``(rows, ≤ n)``, by start and then by end.

    First the ``n`` starts that have the best spans are chosen, then spans among theirs: what is left out stands behind
    ``n`` spans that are at least as good.
    """
    end = F.pad(end, (0, longest - 1), value=-torch.inf)
    starts = _largest(start + F.max_pool1d(end, longest, stride=1), n)
    ends = end[
        torch.arange(len(end), device=end.device)[:, None, None],
        starts[..., None] + torch.arange(longest, device=end.device),
    ]
    scores = (start.gather(1, starts)[..., None] + ends).flatten(1)
    chosen = _largest(scores, n)
    first = starts.gather(1, chosen // longest)
    return scores.gather(1, chosen), first, first + chosen % longest


def _largest(values: Tensor, n: int) -> Tensor:
    """Columns of the ``n`` largest values of each row, in ascending order; of equal values the first ones."""
    if values.shape[1] <= n:
        return torch.arange(values.shape[1], device=values.device).expand_as(values)
    least = values.topk(n).values[:, -1:]
    chosen = values >= least
    if int(chosen.sum()) > n * len(values):  # values equal to the least: as many as there is room for
        above, equal = values > least, values == least
        chosen = above | (equal & (equal.cumsum(1) <= n - above.sum(1, keepdim=True)))
    return chosen.nonzero()[:, 1].view(-1, n)


def _best_of_questions(
    scores: Tensor, starts: Tensor, ends: Tensor, windows: Tensor, questions: Tensor, n: int
) -> Spans:
    number = _number_of(questions)
    owners = questions[windows].repeat_interleave(n)
    order = scores.flatten().argsort(descending=True, stable=True)
    order = order[owners[order].argsort(stable=True)]  # by question, then by score, then by window and place
    counts = owners.bincount(minlength=number)
    rank = torch.arange(len(order), device=order.device) - (counts.cumsum(0) - counts)[owners[order]]
    real = (rank < n) & (scores.flatten()[order] > -torch.inf)
    kept, place = order[real], (owners[order[real]], rank[real])
    best = Spans(scores.new_full((number, n), -torch.inf), *starts.new_full((3, number, n), -1))
    columns = (scores.flatten()[kept], windows[kept // n], starts.flatten()[kept], ends.flatten()[kept])
    for tensor, values in zip((best.scores, best.windows, best.starts, best.ends), columns, strict=True):
        tensor[place] = values
    return best


def _number_of(questions: Tensor) -> int:
    return int(questions.max()) + 1 if len(questions) else 0
