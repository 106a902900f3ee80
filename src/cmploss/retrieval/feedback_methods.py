"""Pseudo-relevance feedback without training: a new query vector from the vectors of the first passages."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from cmploss.errors import UserError
from cmploss.retrieval.index import Found, Index

Vectors = NDArray[np.float32]
FeedbackMethod = Callable[[Sequence[str], Vectors, Found, int], Vectors]
"""(texts ``(Q)``, vectors ``(Q, H)``, first pass (scores, rows) ``(Q, K)``, k) -> new vectors ``(Q, H)``."""

BLOCK = 64  # queries per step: passages of a sparse index are as wide as its vocabulary
ALPHA, BETA = 0.4, 0.6  # Li et al. 2021, for ANCE


def average_feedback(queries: Vectors, passages: Vectors) -> Vectors:
    """Mean of queries ``(Q, H)`` and their feedback passages ``(Q, k, H)``: ``q' = (q + Σ_i p_i) / (1 + k)``.

    >>> average_feedback(np.array([[1.0, 0.0]]), np.array([[[0.0, 1.0], [1.0, 1.0]]])).round(3)
    array([[0.667, 0.667]])

    References:
        Li et al. 2021 (arXiv 2108.11044), "Average".
    """
    mean: Vectors = np.concatenate([queries[:, None], passages], axis=1).mean(axis=1)
    return mean


def rocchio_feedback(queries: Vectors, passages: Vectors, *, alpha: float = ALPHA, beta: float = BETA) -> Vectors:
    """Rocchio's queries, moved towards the feedback passages ``(Q, k, H)``.

    ``q' = α q + β mean(p)``; a mean over no passages is 0. No passage is fed back as irrelevant: Rocchio's γ is 0.

    >>> rocchio_feedback(np.array([[1.0, 0.0]]), np.array([[[0.0, 1.0], [1.0, 1.0]]]))
    array([[0.7, 0.6]])

    References:
        Rocchio 1971; α = .4, β = .6 and γ = 0 on dense vectors: Li et al. 2021 (arXiv 2108.11044).
    """
    return alpha * queries + beta * passages.mean(axis=1) if passages.shape[1] else alpha * queries


def revise(method: FeedbackMethod, texts: Sequence[str], vectors: Vectors, first: Found, k: int) -> Vectors:
    """New query vectors ``(Q, H)`` float32 of a feedback method with the first k passages."""
    if not 0 <= k <= first[1].shape[1]:
        raise UserError(f"k must be from 0 to {first[1].shape[1]}, the passages of the first pass, got {k}")
    return np.asarray(method(texts, vectors, first, k), dtype=np.float32)


def vector_feedback(formula: Callable[[Vectors, Vectors], Vectors], index: Index) -> FeedbackMethod:
    """A method that needs only the vectors of the first k passages, such as :func:`average_feedback`."""

    def method(texts: Sequence[str], vectors: Vectors, first: Found, k: int) -> Vectors:
        revised = np.empty_like(vectors)
        for start in range(0, len(vectors), BLOCK):
            part = slice(start, start + BLOCK)
            revised[part] = formula(vectors[part], index.rows(first[1][part, :k]))
        return revised

    return method


FORMULAS: dict[str, Callable[[Vectors, Vectors], Vectors]] = {"average": average_feedback, "rocchio": rocchio_feedback}
"""Feedback without training, by name."""
