"""Exact search: the best k of all scores, block by block, without keeping or sorting them all."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

QUERIES = 1024  # at once; with DOCUMENTS it bounds the scores that are in memory
DOCUMENTS = 8192

Found = tuple[NDArray[np.float32], NDArray[np.int64]]
"""Scores ``(Q, k)`` in descending order, and the rows of the index that they belong to."""


def top_k(scores_of: Callable[[int, int], Tensor], queries: int, documents: int, k: int) -> tuple[Tensor, Tensor]:
    """The best ``min(k, documents)`` scores of each query, in descending order, and their columns.

    Once k scores are known, the k-th is a threshold that few others pass. Those are collected, and merged with the
    best whenever there are about k more for each query.

    Args:
        scores_of: ``(start, stop)`` -> scores ``(queries, stop − start)`` of those documents, float32.
        queries: Rows of scores.
        documents: Columns of scores.
        k: How many to find.

    Returns:
        Scores ``(queries, min(k, documents))`` and columns of the same shape; of equal scores at the k-th place any.

    Example:
        >>> scores = torch.tensor([[0.1, 0.9, 0.5]])
        >>> top_k(lambda start, stop: scores[:, start:stop], 1, 3, 2)[1]
        tensor([[1, 2]])
    """
    k = min(k, documents)
    block = max(DOCUMENTS, k)
    best, columns = torch.empty(queries, 0), torch.empty(queries, 0, dtype=torch.long)
    found: list[tuple[Tensor, Tensor, Tensor]] = []
    for start in range(0, documents, block):
        scores = scores_of(start, min(start + block, documents))
        if start == 0:
            best, columns = scores.topk(k, sorted=False)
            threshold = best.amin(1, keepdim=True)
            continue
        row, column = (scores > threshold).nonzero(as_tuple=True)
        found.append((row, column + start, scores[row, column]))
        if sum(len(rows) for rows, _, _ in found) > queries * k:
            best, columns = _merged(best, columns, found)
            threshold, found = best.amin(1, keepdim=True), []
    if found:
        best, columns = _merged(best, columns, found)
    best, order = best.sort(dim=1, descending=True, stable=True)
    return best, columns.gather(1, order)


def inner_products(vectors: NDArray[np.float16], queries: Tensor) -> Callable[[int, int], Tensor]:
    """Blocks of the inner products ``queries @ vectors.T``, computed in float32."""
    return lambda start, stop: queries @ torch.from_numpy(vectors[start:stop]).float().T


def without(found: Found, exclude: Sequence[Sequence[int]], k: int) -> Found:
    """Leave out of each query's results the rows in ``exclude``, and keep the first k of the others.

    Where fewer than k are left, the score is −inf and the row −1.
    """
    scores, rows = found
    kept_scores = np.full((len(rows), k), -np.inf, dtype=np.float32)
    kept_rows = np.full((len(rows), k), -1, dtype=np.int64)
    for query, excluded in enumerate(exclude):
        keep = np.flatnonzero(~np.isin(rows[query], list(excluded)))[:k]
        kept_scores[query, : len(keep)] = scores[query, keep]
        kept_rows[query, : len(keep)] = rows[query, keep]
    return kept_scores, kept_rows


def _merged(best: Tensor, columns: Tensor, found: list[tuple[Tensor, Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    row, column, score = (torch.cat(parts) for parts in zip(*found, strict=True))
    row, order = row.sort(stable=True)
    counts = row.bincount(minlength=len(best))
    place = torch.arange(len(row)) - (counts.cumsum(0) - counts)[row]
    scores = torch.full((len(best), int(counts.max())), -torch.inf)
    others = torch.zeros_like(scores, dtype=torch.long)
    scores[row, place], others[row, place] = score[order], column[order]
    best, chosen = torch.cat([best, scores], 1).topk(best.shape[1], sorted=False)
    return best, torch.cat([columns, others], 1).gather(1, chosen)
