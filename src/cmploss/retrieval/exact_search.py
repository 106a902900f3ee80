"""Exact search: the best k of all scores, block by block, without keeping or sorting them all."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

QUERIES = 1024  # per search; with DOCUMENTS it bounds the scores that are in memory
DOCUMENTS = 8192

Scores = NDArray[np.float32]
Rows = NDArray[np.int64]
Found = tuple[Scores, Rows]
"""Scores ``(Q, k)`` in descending order, and the rows of the index that they belong to."""


def top_k(scores_of: Callable[[int, int], Scores], queries: int, documents: int, k: int) -> Found:
    """The best ``min(k, documents)`` scores of each query, in descending order, and their columns.

    ``scores_of(start, stop)`` gives the scores ``(queries, stop − start)`` of those documents, and may reuse its
    memory. Once k scores are known, the k-th is a threshold: a block in which no score is higher is skipped. Which of
    several equal scores at the k-th place are found, and in which order, is not specified.

    >>> scores = np.array([[0.1, 0.9, 0.5]], dtype=np.float32)
    >>> top_k(lambda start, stop: scores[:, start:stop], 1, 3, 2)[1]
    array([[1, 2]])
    """
    k = min(k, documents)
    best = torch.empty(queries, 0)
    columns = torch.empty(queries, 0, dtype=torch.int64)
    for start in range(0, documents, DOCUMENTS):
        scores = torch.from_numpy(scores_of(start, min(start + DOCUMENTS, documents)))
        if best.shape[1] == k and not (scores > best[:, -1:]).any():
            continue
        found, place = scores.topk(min(k, scores.shape[1]), dim=1)
        best, columns = torch.cat([best, found], dim=1), torch.cat([columns, place + start], dim=1)
        best, order = best.topk(min(k, best.shape[1]), dim=1)
        columns = columns.gather(1, order)
    return best.numpy(), columns.numpy()


def inner_products(vectors: NDArray[np.float16], queries: Scores) -> Callable[[int, int], Scores]:
    """Blocks of the inner products ``queries @ vectors.T``, computed in float32, each in the memory of the last."""
    left = torch.from_numpy(queries)
    memory = torch.empty(0)

    def scores_of(start: int, stop: int) -> Scores:
        right = torch.from_numpy(vectors[start:stop]).float()
        products = torch.mm(left, right.T, out=memory.resize_(len(left), len(right)))
        return products.numpy()

    return scores_of


def without(found: Found, exclude: Sequence[Sequence[int]], k: int) -> Found:
    """The first k results of each query that are not in ``exclude``; where fewer are left, score −inf and row −1."""
    scores, rows = found
    kept_scores = np.full((len(rows), k), -np.inf, dtype=np.float32)
    kept_rows = np.full((len(rows), k), -1, dtype=np.int64)
    for query, excluded in enumerate(exclude):
        keep = np.flatnonzero(~np.isin(rows[query], list(excluded)))[:k]
        kept_scores[query, : len(keep)] = scores[query, keep]
        kept_rows[query, : len(keep)] = rows[query, keep]
    return kept_scores, kept_rows
