"""Exact search: the best k of all scores, block by block, without keeping or sorting them all."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat

import numpy as np
import torch
from numpy.typing import NDArray

QUERIES = 1024  # at once; with DOCUMENTS it bounds the scores that are in memory
DOCUMENTS = 8192

Scores = NDArray[np.float32]
Rows = NDArray[np.int64]
Found = tuple[Scores, Rows]
"""Scores ``(Q, k)`` in descending order, and the rows of the index that they belong to."""
Candidates = tuple[NDArray[np.intp], Rows, Scores]
"""How many of each query passed the threshold, and the document and score of each, in the order of the queries."""


def top_k(scores_of: Callable[[int, int], Scores], queries: int, documents: int, k: int) -> Found:
    """The best ``min(k, documents)`` scores of each query, in descending order, and their columns.

    Once k scores are known, the k-th is a threshold that few others pass. Those are collected, and merged with the
    best when a query has about k/2 of them. The queries are shared among as many threads as torch has.

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
    threads = max(1, min(torch.get_num_threads(), queries))
    first = scores_of(0, min(block, documents))
    with ThreadPoolExecutor(threads) as pool:  # numpy leaves the other threads alone while it computes
        parts = list(pool.map(_Best, np.array_split(first, threads), repeat(k)))
        for start in range(block, documents, block):
            scores = scores_of(start, min(start + block, documents))
            list(pool.map(_Best.add, parts, np.array_split(scores, threads), repeat(start)))
        found = list(pool.map(_Best.in_order, parts))
    return np.concatenate([scores for scores, _ in found]), np.concatenate([columns for _, columns in found])


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


class _Best:
    """The best k scores of some queries so far, and what has passed their threshold since they were chosen."""

    def __init__(self, scores: Scores, k: int) -> None:
        self._k = k
        self._choose(scores, None)

    def add(self, scores: Scores, start: int) -> None:
        """See another block of scores, whose documents begin at ``start``."""
        passed = scores > self._threshold
        places = np.flatnonzero(passed)
        rows, width = scores.shape
        here = np.diff(np.searchsorted(places, width * np.arange(rows + 1)))  # much faster than a count of each row
        columns = places - np.repeat(width * np.arange(rows) - start, here)
        self._found.append((here, columns, scores.ravel()[places]))
        self._counts += here
        if self._counts.max(initial=0) >= max(self._k // 2, 256):
            self._merge()

    def in_order(self) -> Found:
        """The best k, in descending order."""
        if self._found:
            self._merge()
        order = np.argsort(-self._scores, axis=1)
        return np.take_along_axis(self._scores, order, axis=1), np.take_along_axis(self._columns, order, axis=1)

    def _choose(self, scores: Scores, columns: Rows | None) -> None:
        place = np.argpartition(scores, scores.shape[1] - self._k, axis=1)[:, scores.shape[1] - self._k :]
        self._columns = place if columns is None else np.take_along_axis(columns, place, axis=1)
        self._scores = np.take_along_axis(scores, place, axis=1)
        self._threshold = self._scores.min(axis=1, keepdims=True)
        self._found: list[Candidates] = []
        self._counts = np.zeros(len(scores), dtype=np.intp)

    def _merge(self) -> None:
        k, rows = self._k, len(self._scores)
        scores = np.full((rows, k + int(self._counts.max(initial=0))), -np.inf, dtype=np.float32)
        documents = np.zeros(scores.shape, dtype=np.int64)
        scores[:, :k], documents[:, :k] = self._scores, self._columns
        free = scores.shape[1] * np.arange(rows) + k  # the next free place of each query
        for here, found, score in self._found:
            place = np.arange(len(score)) + np.repeat(free - here.cumsum() + here, here)
            scores.ravel()[place], documents.ravel()[place] = score, found
            free += here
        self._choose(scores, documents)
