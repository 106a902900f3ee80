"""Scores of runs by ir_measures, query by query, and what feedback does to each query."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmploss.errors import UserError
from cmploss.experiment import Change
from cmploss.experiment.statistics import paired_difference
from cmploss.retrieval.exact_search import Found
from cmploss.retrieval.feedback_methods import Feedback, Vectors
from cmploss.retrieval.index import Index
from cmploss.retrieval.optional import extra
from cmploss.retrieval.trec_files import Qrels, Run

MEASURES = ("nDCG@10", "RR@10", "AP", "R@100", "R@1000")
PRIMARY = "nDCG@10"

Scores = dict[str, NDArray[np.float64]]
"""Measure -> its value for each query, from 0 to 1."""


def run_of(queries: Sequence[str], index: Index, found: Found) -> Run:
    """Query -> document -> score in descending order, without the places that a search left empty."""
    ids = index.ids
    return {
        query: {ids[row]: score for score, row in zip(scores, rows, strict=True) if row >= 0}
        for query, scores, rows in zip(queries, found[0].tolist(), found[1].tolist(), strict=True)
    }


def revise(method: Feedback, texts: Sequence[str], vectors: Vectors, first: Found, k: int) -> Vectors:
    """New query vectors ``(Q, H)`` float32 of a feedback method that is given the first k passages.

    Raises:
        UserError: The first pass found fewer than k documents.
    """
    if not 0 <= k <= first[1].shape[1]:
        raise UserError(f"k={k} feedback passages: the first pass found {first[1].shape[1]}; choose from 0 to that")
    return np.asarray(method(texts, vectors, first, k), dtype=np.float32)


def relevant_queries(qrels: Qrels, level: int) -> Qrels:
    """The judgements of those queries that have a relevant document, one of grade ``level`` or more.

    Raises:
        UserError: There is no such query.
    """
    kept = {query: grades for query, grades in qrels.items() if max(grades.values(), default=0) >= level}
    if not kept:
        raise UserError(f"--relevance_level {level}: no query has a document of that grade; choose a lower one")
    return kept


def score_run(run: Run, qrels: Qrels, level: int = 1) -> Scores:
    """Score a run for every query of the judgements, in their order.

    nDCG@10 takes the grades as gains, whatever the level; RR@10, AP, R@100 and R@1000 count documents of grade
    ``level`` or more as relevant. A query that the run does not have scores 0, as does one without relevant documents.
    As in trec_eval, scores make the order, and of equal scores the larger document id comes first.

    Args:
        run: Query -> document -> score.
        qrels: Query -> document -> grade.
        level: The least grade that is relevant: 1, or 2 on TREC DL.

    Returns:
        Measure -> ``(queries)``, from 0 to 1.
    """
    library = extra("ir_measures")
    names = {_measure(library, name, level): name for name in MEASURES}
    values: dict[str, dict[str, float]] = {name: {} for name in MEASURES}
    for metric in library.iter_calc(list(names), qrels, run):
        values[names[metric.measure]][metric.query_id] = metric.value
    return {name: np.array([each[query] for query in qrels]) for name, each in values.items()}


def change(values: NDArray[np.float64], baseline: NDArray[np.float64]) -> Change:
    """Compare two runs query by query; several seeds are averaged for the test and counted one by one.

    Difference, interval, test: :func:`cmploss.experiment.statistics.paired_difference` over queries.
    Both take the trained models as they are, and say what other queries might have shown of them. The share of queries
    that a single model helps or hurts is another one than that of an average: averages are hardly ever equal.

    Args:
        values: ``(queries)``, or ``(seeds, queries)``.
        baseline: Likewise, with as many seeds or without.

    Example:
        >>> found = change(np.array([0.5, 0.2, 0.9, 0.9]), np.array([0.5, 0.4, 0.4, 0.4]))
        >>> round(found.difference, 3), found.helped, found.hurt, round(found.p, 3)
        (0.2, [0.5], [0.25], 0.343)
    """
    ours, theirs = np.atleast_2d(values), np.atleast_2d(baseline)
    found = paired_difference(ours.mean(0), theirs.mean(0), min_n_for_p=2)
    return Change(
        difference=found.mean,
        low=None if math.isnan(found.low) else found.low,
        high=None if math.isnan(found.high) else found.high,
        p=found.p,
        helped=(ours > theirs).mean(1).tolist(),
        hurt=(ours < theirs).mean(1).tolist(),
    )


def share_hurt(by_size: Mapping[int, NDArray[np.float64]]) -> dict[int, list[float]]:
    """Share of queries that lose when the feedback grows from one size to the next, by the larger size.

    Args:
        by_size: Number of passages -> value of each query, ``(queries)`` or ``(seeds, queries)``.

    Returns:
        Number of passages -> one share for each seed, or one.

    Example:
        >>> share_hurt({0: np.array([0.5, 0.5]), 1: np.array([0.6, 0.4]), 3: np.array([0.6, 0.5])})
        {1: [0.5], 3: [0.0]}
    """
    return {
        more: (np.atleast_2d(by_size[more]) < np.atleast_2d(by_size[less])).mean(1).tolist()
        for less, more in pairwise(sorted(by_size))
    }


def _measure(library: Any, name: str, level: int) -> Any:
    family, _, cutoff = name.partition("@")
    measure: Any = getattr(library, family)
    if family != "nDCG":
        measure = measure(rel=level)
    return measure @ int(cutoff) if cutoff else measure
