"""Feedback methods × numbers of passages on one collection: runs on disk, and a record for each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmploss.experiment import Benchmark, Condition, RunRecord, Score, environment
from cmploss.retrieval.corpus import Texts
from cmploss.retrieval.feedback_methods import FeedbackMethod, Vectors, revise
from cmploss.retrieval.index import Index
from cmploss.retrieval.scoring import PRIMARY, Scores, run_of, score_run
from cmploss.retrieval.trec_files import Qrels, read_run, write_run

NO_FEEDBACK = "none"
SPLIT = "test"
HELPED, HURT, HURT_BY_LAST = "queries helped", "queries hurt", "hurt by the last passage"
"""Shares of queries in percent: above and below no feedback, and below the next smaller number of passages."""


@dataclass(frozen=True)
class Method:
    """A way to revise queries.

    Attributes:
        name: In tables.
        revise: The method.
        seed: Of a trained reformulator.
        trained: Whether it also revises a query without passages.
        objective: What a record says about it; by default its name.
    """

    name: str
    revise: FeedbackMethod
    seed: int = 0
    trained: bool = False
    objective: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ScoredRun:
    """The scores of one run.

    Attributes:
        method: Name of the method, or of the run file of another tool.
        passages: Feedback passages; None if the method reads none.
        scores: Measure -> value of each query, from 0 to 1.
        seed: Of a trained reformulator.
        objective: As in :class:`Method`.
    """

    method: str
    passages: int | None
    scores: Scores
    seed: int = 0
    objective: Mapping[str, Any] = field(default_factory=dict)


def evaluate_methods(
    index: Index,
    queries: Texts,
    vectors: Vectors,
    qrels: Qrels,
    *,
    methods: Sequence[Method],
    sizes: Sequence[int],
    level: int,
    depth: int,
    folder: Path,
) -> Iterator[ScoredRun]:
    """Search once without feedback, then with every method and number of passages; score each run.

    Args:
        index: Searched exactly.
        queries: Those of ``qrels``, in its order.
        vectors: Their vectors ``(Q, H)`` of the retriever itself.
        qrels: What the runs are scored by.
        methods: Feedback methods; those that are not trained need at least one passage.
        sizes: Numbers of feedback passages.
        level: Relevance level; see :func:`cmploss.retrieval.score_run`.
        depth: Documents per query in a run.
        folder: Each run is written there as ``METHOD-PASSAGES.run``, of a trained one as ``METHOD-SEED-PASSAGES.run``;
            one that is there already is read instead.

    Yields:
        The scores of each run, the first of which has no feedback.
    """
    first = index.search(vectors, max(depth, *sizes))

    def scored(name: str, search: Any) -> Scores:
        path = folder / f"{name}.run"
        if not path.exists():
            write_run(run_of(queries.ids, index, search()), path, tag=name)
        return score_run(read_run(path), qrels, level)

    yield ScoredRun(NO_FEEDBACK, None, scored(f"{NO_FEEDBACK}-0", lambda: (first[0][:, :depth], first[1][:, :depth])))
    for method in methods:
        name = f"{method.name}-{method.seed}" if method.trained else method.name
        for size in sorted(set(sizes)):
            if size or method.trained:

                def search(method: Method = method, size: int = size) -> Any:
                    return index.search(revise(method.revise, queries.texts, vectors, first, size), depth)

                found = scored(f"{name}-{size}", search)
                yield ScoredRun(method.name, size, found, method.seed, method.objective)


def records_of(
    runs: Sequence[ScoredRun],
    queries: Sequence[str],
    *,
    task: str,
    sizes: Sequence[int],
    settings: Mapping[str, Any],
    data: Mapping[str, Any],
) -> list[RunRecord]:
    """One record for every method, seed and number of passages; the numbers of passages are the conditions.

    A method that reads no passages has the same scores in every condition. Shares of queries are counted for each seed:
    scores that are averaged over seeds first are rarely equal.

    Args:
        runs: The first one is that without feedback.
        queries: Ids of the queries, in the order of the scores.
        task: What the records call the collection.
        sizes: Numbers of feedback passages.
        settings: Of the evaluation.
        data: Of the records.
    """
    base = runs[0].scores[PRIMARY]
    machine = environment()
    values = {(run.method, run.seed, run.passages): run.scores[PRIMARY] for run in runs}
    found = []
    for run in runs:
        for size in sorted(set(sizes)) if run.passages is None else [run.passages]:
            shares = {HELPED: run.scores[PRIMARY] > base, HURT: run.scores[PRIMARY] < base}
            before = _next_smaller(values, run, size)
            if run.passages and before is not None:
                shares[HURT_BY_LAST] = run.scores[PRIMARY] < before
            if run is runs[0]:
                shares = {}
            found.append(
                RunRecord(
                    benchmark=Benchmark(task, PRIMARY, SPLIT, unit="query"),
                    condition=Condition(others={"passages": size}),
                    objective={"kind": run.method, "settings": {}, "source": None, **run.objective, "name": run.method},
                    seed=run.seed,
                    settings={**settings, "passages": size},
                    data=dict(data),
                    scores=[Score(SPLIT, name, 100 * float(of.mean())) for name, of in (run.scores | shares).items()],
                    predictions={
                        SPLIT: {
                            "ids": list(queries),
                            **{name: (100 * of).tolist() for name, of in run.scores.items()},
                        }
                    },
                    environment=machine,
                )
            )
    return found


def _next_smaller(
    values: Mapping[tuple[str, int, int | None], NDArray[np.float64]], run: ScoredRun, size: int
) -> NDArray[np.float64] | None:
    """Values of the same method with fewer passages; a formula without passages is no feedback."""
    smaller = [
        passages
        for method, seed, passages in values
        if (method, seed) == (run.method, run.seed) and passages is not None and passages < size
    ]
    return values[run.method, run.seed, max(smaller)] if smaller else values[NO_FEEDBACK, 0, None]
