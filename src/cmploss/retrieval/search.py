"""Exact search: the best k of all scores, block by block, without keeping or sorting them all."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

QUERIES = 1024  # at once; with DOCUMENTS it bounds the scores that are in memory
DOCUMENTS = 8192

Scores = NDArray[np.float32]
Rows = NDArray[np.int64]
Found = tuple[Scores, Rows]
"""Scores ``(Q, k)`` in descending order, and the rows of the index that they belong to."""
Candidates = tuple[NDArray[np.intp], NDArray[np.intp], Scores]
"""Query, document and score of what passed the threshold, in the order of the queries."""


def top_k(scores_of: Callable[[int, int], Scores], queries: int, documents: int, k: int) -> Found:
    """The best ``min(k, documents)`` scores of each query, in descending order, and their columns.

    Once k scores are known, the k-th is a threshold that few others pass. Those are collected, and merged with the
    best when a query has about k of them.

    Args:
        scores_of: ``(start, stop)`` -> scores ``(queries, stop − start)`` of those documents; may reuse its memory.
        queries: Rows of scores.
        documents: Columns of scores.
        k: How many to find.

    Returns:
        Scores ``(queries, min(k, documents))`` and columns of the same shape; of equal scores at the k-th place any.

    Example:
        >>> scores = np.array([[0.1, 0.9, 0.5]], dtype=np.float32)
        >>> top_k(lambda start, stop: scores[:, start:stop], 1, 3, 2)[1]
        array([[1, 2]])
    """
    k = min(k, documents)
    block = max(DOCUMENTS, k)
    best, columns = _best(scores_of(0, min(block, documents)), None, k)
    threshold = best.min(axis=1, keepdims=True)
    found: list[Candidates] = []
    counts = np.zeros(queries, dtype=np.intp)
    for start in range(block, documents, block):
        scores = scores_of(start, min(start + block, documents))
        query, column = divmod(np.flatnonzero(scores > threshold), scores.shape[1])
        found.append((query, column + start, scores[query, column]))
        counts += np.bincount(query, minlength=queries)
        if counts.max(initial=0) >= max(k, 256):
            best, columns = _merged(best, columns, found, counts)
            threshold = best.min(axis=1, keepdims=True)
            found, counts = [], np.zeros_like(counts)
    if found:
        best, columns = _merged(best, columns, found, counts)
    order = np.argsort(-best, axis=1, kind="stable")
    return np.take_along_axis(best, order, axis=1), np.take_along_axis(columns, order, axis=1)


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


def _best(scores: Scores, columns: Rows | None, k: int) -> Found:
    place = np.argpartition(scores, scores.shape[1] - k, axis=1)[:, scores.shape[1] - k :]
    chosen = place if columns is None else np.take_along_axis(columns, place, axis=1)
    return np.take_along_axis(scores, place, axis=1), chosen


def _merged(best: Scores, columns: Rows, found: Sequence[Candidates], counts: NDArray[np.intp]) -> Found:
    k = best.shape[1]
    scores = np.full((len(best), k + int(counts.max())), -np.inf, dtype=np.float32)
    documents = np.zeros(scores.shape, dtype=np.int64)
    scores[:, :k], documents[:, :k] = best, columns
    filled = np.full(len(best), k)
    for query, document, score in found:
        here = np.bincount(query, minlength=len(best))
        place = np.arange(len(query)) - (here.cumsum() - here - filled)[query]
        scores[query, place], documents[query, place] = score, document
        filled += here
    return _best(scores, documents, k)
