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
    """A way to revise queries; a trained one has a seed, and also revises a query without passages.

    ``objective`` is what a record says about it, by default its name.
    """

    name: str
    revise: FeedbackMethod
    seed: int = 0
    trained: bool = False
    objective: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ScoredRun:
    """The scores of one run, measure -> value of each query from 0 to 1; ``passages`` is None if it reads none."""

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
    """Search once without feedback, then with every method and number of passages; yield the scores of each run.

    Each run of ``depth`` documents per query is written to ``folder`` as ``METHOD-PASSAGES.run``, of a trained method
    as ``METHOD-SEED-PASSAGES.run``; one that is there already is read instead. Methods that are not trained need at
    least one passage. ``queries`` and their ``vectors`` ``(Q, H)`` are in the order of ``qrels``.
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

    The first of ``runs`` is that without feedback. A method that reads no passages has the same scores in every
    condition. Shares of queries are counted for each seed: scores that are averaged over seeds first are rarely equal.
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
            each_query = {name: (100 * of).tolist() for name, of in run.scores.items()}
            found.append(
                RunRecord(
                    benchmark=Benchmark(task, PRIMARY, SPLIT, unit="query"),
                    condition=Condition(others={"passages": size}),
                    objective={"kind": run.method, "settings": {}, "source": None, **run.objective, "name": run.method},
                    seed=run.seed,
                    settings={**settings, "passages": size},
                    data=dict(data),
                    scores=[Score(SPLIT, name, 100 * float(of.mean())) for name, of in (run.scores | shares).items()],
                    predictions={SPLIT: {"ids": list(queries), **each_query}},
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
