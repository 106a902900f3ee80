"""Feedback methods × numbers of passages on one collection: runs on disk, scores, tests over queries."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cmploss.experiment import NO_FEEDBACK, Change, FeedbackRow, MoreFeedback
from cmploss.experiment.statistics import holm
from cmploss.retrieval.corpus import Texts
from cmploss.retrieval.feedback_methods import Feedback, Vectors
from cmploss.retrieval.index import Index
from cmploss.retrieval.scoring import MEASURES, PRIMARY, Scores, change, revise, run_of, score_run, share_hurt
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
    methods: Mapping[str, Feedback],
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
