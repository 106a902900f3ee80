"""Scores of runs by ir_measures, query by query."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmploss.errors import UserError
from cmploss.retrieval.index import Found, Index
from cmploss.retrieval.optional import extra
from cmploss.retrieval.ranking_measures import MEASURES, measure_of
from cmploss.retrieval.trec_files import Qrels, Run

Scores = dict[str, NDArray[np.float64]]
"""Measure -> its value for each query, from 0 to 1."""


def run_of(queries: Sequence[str], index: Index, found: Found) -> Run:
    """Query -> document -> score in descending order, without empty results."""
    ids = index.ids
    return {
        query: {ids[row]: score for score, row in zip(scores, rows, strict=True) if row >= 0}
        for query, scores, rows in zip(queries, found[0].tolist(), found[1].tolist(), strict=True)
    }


def relevant_queries(qrels: Qrels, level: int) -> Qrels:
    """The judgements of the queries that have a document of grade ``level`` or more."""
    kept = {query: grades for query, grades in qrels.items() if max(grades.values(), default=0) >= level}
    if not kept:
        raise UserError(f"--relevance_level {level}: no query has a document of that grade; choose a lower one")
    return kept


def score_run(run: Run, qrels: Qrels, level: int = 1, measures: Sequence[str] = MEASURES) -> Scores:
    """Score a run for every query of the judgements: measure -> ``(queries)``, from 0 to 1, in their order.

    nDCG@10 uses the grades as gains and ignores the level; RR@10, AP, R@100 and R@1000 count documents of grade
    ``level`` or more as relevant (1, or 2 on TREC DL), and so does every measure that does not say ``rel`` itself. A
    query scores 0 if it is missing from the run or has no relevant documents. As in trec_eval, documents are sorted by
    score, and equal scores by descending document id; all measures use this order.
    """
    library = extra("ir_measures")
    of_name = {name: measure_of(name, level) for name in measures}
    values: dict[Any, dict[str, float]] = {measure: {} for measure in of_name.values()}
    for metric in library.iter_calc(list(values), qrels, {query: _ranked(run[query]) for query in run}):
        values[metric.measure][metric.query_id] = metric.value
    return {name: np.array([values[of].get(query, 0.0) for query in qrels]) for name, of in of_name.items()}


def _ranked(scores: dict[str, float]) -> dict[str, float]:
    """The same order with different scores: the providers of ir_measures break ties in different ways."""
    order = sorted(scores, key=lambda document: (scores[document], document))
    return {document: float(place) for place, document in enumerate(order)}
