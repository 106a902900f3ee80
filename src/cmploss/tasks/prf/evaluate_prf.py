"""Feedback methods × numbers of passages on one collection: runs on disk, scores, tests over queries."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cmploss.experiment import NO_FEEDBACK, Change, FeedbackRow, MoreFeedback
from cmploss.experiment.statistics import holm, paired_difference
from cmploss.retrieval.corpus import Texts
from cmploss.retrieval.feedback_methods import FeedbackMethod, Vectors, revise
from cmploss.retrieval.index import Index
from cmploss.retrieval.scoring import MEASURES, PRIMARY, Scores, run_of, score_run
from cmploss.retrieval.trec_files import Qrels, Run, read_run, write_run
from cmploss.tasks.prf.seed_groups import TrainedMethod


@dataclass(frozen=True)
class Row:
    """The scores of one run.

    Attributes:
        method: ``none``, a feedback method, or the run file of another tool.
        passages: Feedback passages; None for another tool's run.
        scores: Measure -> value of each query, ``(queries)``, or of each seed and query, ``(seeds, queries)``.
        seeds: Those of the reformulators, () for a method that is not trained.
    """

    method: str
    passages: int | None
    scores: Scores
    seeds: tuple[int, ...] = ()


def evaluate_feedback(
    index: Index,
    queries: Texts,
    vectors: Vectors,
    qrels: Qrels,
    *,
    methods: Mapping[str, FeedbackMethod],
    sizes: Sequence[int],
    level: int,
    depth: int,
    folder: Path,
    without: Collection[str] = (),
) -> Iterator[Row]:
    """Search once without feedback, then with every method and number of passages; score each run.

    Args:
        index: Searched exactly.
        queries: Those of ``qrels``, in its order.
        vectors: Their vectors ``(Q, H)`` of the retriever itself.
        qrels: What the runs are scored by.
        methods: Name -> feedback method.
        sizes: Numbers of feedback passages; 0 is always done, once, by the retriever itself.
        level: Relevance level; see :func:`score_run`.
        depth: Documents per query in a run.
        folder: Each run is written there as ``METHOD-PASSAGES.run``; one that is there already is read instead.
        without: Names of methods that also revise a query without feedback, as a trained reformulator does.

    Yields:
        A row for each run, the first of which has no feedback.
    """
    first = index.search(vectors, max(depth, *sizes))

    def stored(name: str, run: Run) -> Run:
        write_run(run, folder / f"{name}.run", tag=name)
        return run

    shallow = (first[0][:, :depth], first[1][:, :depth])
    yield Row(NO_FEEDBACK, 0, score_run(stored(f"{NO_FEEDBACK}-0", run_of(queries.ids, index, shallow)), qrels, level))
    for method, revised in methods.items():
        for size in sorted(size for size in set(sizes) if size or method in without):
            name = f"{method}-{size}"
            if (folder / f"{name}.run").exists():
                run = read_run(folder / f"{name}.run")
            else:
                found = index.search(revise(revised, queries.texts, vectors, first, size), depth)
                run = stored(name, run_of(queries.ids, index, found))
            yield Row(method, size, score_run(run, qrels, level))


def over_seeds(rows: Sequence[Row], methods: Sequence[TrainedMethod]) -> list[Row]:
    """Put the rows of reformulators that differ in their seed alone together, in the place of the first of them.

    Args:
        rows: Those of reformulators under the names of their folders, all with the same numbers of passages.
        methods: Which reformulators are runs of which method.
    """
    method_of = {folder.name: method for method in methods for folder in method.folders.values()}
    by_run = {(row.method, row.passages): row for row in rows}
    found = []
    for row in rows:
        method = method_of.get(row.method)
        if method is None:
            found.append(row)
        elif row.method == method.names[0]:
            runs = [by_run[name, row.passages].scores for name in method.names]
            scores = {measure: np.stack([run[measure] for run in runs]) for measure in row.scores}
            found.append(Row(method.name, row.passages, scores, tuple(method.folders)))
    return found


def record_rows(rows: Sequence[Row]) -> list[FeedbackRow]:
    """What a record says of each row; the first row is the one without feedback.

    p-values against it are corrected (Holm) over all other rows, for each measure by itself.
    """
    first, *others = rows
    changes = {name: _corrected([change(row.scores[name], first.scores[name]) for row in others]) for name in MEASURES}
    hurt = {row.method: share_hurt(_by_size(row.method, rows)) for row in others if row.passages is not None}
    return [
        FeedbackRow(
            method=row.method,
            passages=row.passages,
            seeds=list(row.seeds),
            scores={name: np.atleast_2d(values).mean(1).tolist() for name, values in row.scores.items()},
            change={name: changes[name][place - 1] for name in MEASURES} if place else None,
            hurt_by_more=hurt[row.method][row.passages] if place and row.passages else None,
            by_query={name: np.atleast_2d(values).mean(0).tolist() for name, values in row.scores.items()},
        )
        for place, row in enumerate(rows)
    ]


def more_feedback(rows: Sequence[Row]) -> list[MoreFeedback]:
    """Every method with its most feedback against itself with the least, seed by seed; corrected (Holm) together.

    The least is the smallest number of passages from 1, and for a reformulator once more the query alone.
    """
    found = []
    for method in dict.fromkeys(row.method for row in rows if row.passages):
        by_size = _by_size(method, rows)
        most = max(by_size)
        own = any(row.method == method and row.passages == 0 for row in rows)
        fewest = min(size for size in by_size if size)
        found += [(method, fewer, most, by_size) for fewer in [*([0] if own else []), fewest] if fewer < most]
    changes = _corrected([change(by_size[most], by_size[fewer]) for _, fewer, most, by_size in found])
    return [
        MoreFeedback(method, fewer, most, each) for (method, fewer, most, _), each in zip(found, changes, strict=True)
    ]


def _corrected(changes: Sequence[Change]) -> list[Change]:
    adjusted = holm([each.p for each in changes])
    return [replace(each, p_holm=p) for each, p in zip(changes, adjusted, strict=True)]


def _by_size(method: str, rows: Sequence[Row]) -> dict[int, NDArray[np.float64]]:
    """Number of passages -> values of a method, which without feedback are those of the first row or its own."""
    series = {row.passages: row.scores[PRIMARY] for row in rows if row.method == method and row.passages is not None}
    return {0: rows[0].scores[PRIMARY], **series}


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
