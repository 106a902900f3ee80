"""Feedback methods × numbers of passages on one collection: runs on disk, scores, tests over queries."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cmploss.reports.statistics import holm
from cmploss.retrieval.evaluation import MEASURES, PRIMARY, Scores, change, revise, run_of, score_run, share_hurt
from cmploss.retrieval.feedback import Feedback, Vectors
from cmploss.retrieval.index import Index
from cmploss.retrieval.texts import Texts
from cmploss.retrieval.trec import Qrels, Run, read_run, write_run

NONE = "none"


@dataclass(frozen=True)
class Row:
    """The scores of one run.

    Attributes:
        method: ``none``, a feedback method, or the run file of another tool.
        passages: Feedback passages; None for another tool's run.
        scores: Measure -> value of each query.
    """

    method: str
    passages: int | None
    scores: Scores


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
    yield Row(NONE, 0, score_run(stored(f"{NONE}-0", run_of(queries.ids, index, shallow)), qrels, level))
    for method, revised in methods.items():
        for size in sorted(size for size in set(sizes) if size or method in without):
            name = f"{method}-{size}"
            if (folder / f"{name}.run").exists():
                run = read_run(folder / f"{name}.run")
            else:
                found = index.search(revise(revised, queries.texts, vectors, first, size), depth)
                run = stored(name, run_of(queries.ids, index, found))
            yield Row(method, size, score_run(run, qrels, level))


def record_rows(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """What a record says of each row, in JSON types; the first row is the one without feedback.

    Returns:
        For each row ``method``, ``passages``, ``scores`` (means), ``change`` (measure -> against the first row, with
        ``p_holm`` over all other rows), ``hurt_by_more`` (share of queries whose nDCG@10 falls from the next smaller
        number of passages of the method to this one; None without any) and ``by_query`` (measure -> values).
    """
    first, *others = rows
    changes = {name: [change(row.scores[name], first.scores[name]) for row in others] for name in MEASURES}
    adjusted = {name: holm([each.p for each in found]) for name, found in changes.items()}
    hurt = {row.method: share_hurt(_by_size(first, row.method, others)) for row in others if row.passages is not None}
    return [
        {
            "method": row.method,
            "passages": row.passages,
            "scores": {name: float(values.mean()) for name, values in row.scores.items()},
            "change": {
                name: {**asdict(changes[name][place - 1]), "p_holm": adjusted[name][place - 1]} for name in MEASURES
            }
            if place
            else None,
            "hurt_by_more": hurt[row.method][row.passages] if place and row.passages else None,
            "by_query": {name: values.tolist() for name, values in row.scores.items()},
        }
        for place, row in enumerate(rows)
    ]


def _by_size(first: Row, method: str, others: Sequence[Row]) -> dict[int, Any]:
    series = {row.passages: row.scores[PRIMARY] for row in others if row.method == method and row.passages is not None}
    return {0: first.scores[PRIMARY], **series}
