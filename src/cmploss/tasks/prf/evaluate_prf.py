"""Feedback methods × numbers of passages on one collection: runs on disk, and a record for each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cmploss.atomic import read_json
from cmploss.errors import UserError
from cmploss.experiment import Benchmark, Condition, RunRecord, Score, environment, fingerprint, read_record
from cmploss.experiment.run_dir import BEST_FILE, RECORD_FILE, folder_name
from cmploss.retrieval.corpus import Texts
from cmploss.retrieval.feedback_methods import FeedbackMethod, Vectors, revise
from cmploss.retrieval.index import Found, Index
from cmploss.retrieval.ranking_measures import MEASURES
from cmploss.retrieval.scoring import Scores, run_of, score_run
from cmploss.retrieval.trec_files import Qrels, Run, best_first, read_run, write_run
from cmploss.tasks.prf.prf_data import QUERIES_FILE, query_key

NO_FEEDBACK = "none"
SPLIT = "test"
HELPED, HURT, HURT_BY_LAST = "queries helped", "queries hurt", "hurt by the last passage"
"""Percent of queries above and below no feedback, and below the next smaller number of passages."""


@dataclass(frozen=True)
class Method:
    """A feedback method, or a finished run.

    A trained method has the folder of a reformulator and the record of its training. It also revises queries without
    passages.
    """

    name: str
    revise: FeedbackMethod | None = None
    folder: Path = Path()
    record: RunRecord | None = None

    @property
    def seed(self) -> int:
        return self.record.seed if self.record else 0


@dataclass(frozen=True)
class ScoredRun:
    """The scores of one run, measure -> value of each query from 0 to 1; ``passages`` is None if it reads none."""

    method: Method
    passages: int | None
    scores: Scores


def evaluate_methods(
    index: Index,
    queries: Texts,
    vectors: Vectors,
    qrels: Qrels,
    *,
    first: Found | None = None,
    methods: Sequence[Method],
    sizes: Sequence[int],
    level: int,
    depth: int,
    folder: Path,
    measures: Sequence[str] = MEASURES,
) -> Iterator[ScoredRun]:
    """Search once without feedback, then with every method and number of passages; yield the scores of each run.

    ``first`` is the result of another search without feedback (see :func:`first_pass`).

    Each run of ``depth`` documents per query is written to ``folder`` as ``METHOD-PASSAGES.run``, or
    ``METHOD-SEED-PASSAGES.run`` for a trained method; an existing file is read instead. Untrained methods need at least
    one passage. ``queries`` and their ``vectors`` ``(Q, H)`` are in the order of ``qrels``.
    """
    first = first or index.search(vectors, max(depth, *sizes))

    def scored(method: Method, passages: int) -> Scores:
        name = f"{method.name}-{method.seed}-{passages}" if method.record else f"{method.name}-{passages}"
        path = folder / f"{folder_name(name)}.run"
        if not path.exists():
            found = first[0][:, :depth], first[1][:, :depth]
            if method.revise is not None:
                found = index.search(revise(method.revise, queries.texts, vectors, first, passages), depth)
            write_run(run_of(queries.ids, index, found), path, tag=name)
        return score_run(read_run(path), qrels, level, measures)

    none = Method(NO_FEEDBACK)
    yield ScoredRun(none, None, scored(none, 0))
    for method in methods:
        for size in sorted(set(sizes)):
            if size or method.record:
                yield ScoredRun(method, size, scored(method, size))


def first_pass(index: Index, run: Run, queries: Sequence[str], passages: int, source: str) -> Found:
    """A run as the result of a search: scores, and rows of the index, −1 where a query has fewer than another."""
    rows = {key: row for row, key in enumerate(index.ids)}
    longest = max((len(run.get(query, ())) for query in queries), default=0)
    scores = np.full((len(queries), longest), -np.inf)
    places = np.full((len(queries), longest), -1, dtype=np.int64)
    for number, query in enumerate(queries):
        names = best_first(run.get(query, {}))
        unknown = next((name for name in names if name not in rows), None)
        if unknown is not None:
            raise UserError(f"--first_run {source}: document {unknown!r} of query {query!r} is not in the index")
        if len(names) < max(passages, 1):
            needed = f"at least {max(passages, 1)} are needed"
            raise UserError(f"--first_run {source}: query {query!r} has {len(names)} results; {needed}")
        scores[number, : len(names)] = [run[query][name] for name in names]
        places[number, : len(names)] = [rows[name] for name in names]
    return scores, places


def trained_queries(folder: Path, texts: Sequence[str]) -> int:
    """How many of these queries a reformulator was trained on; 0 if its folder does not say which."""
    path = folder / QUERIES_FILE
    known = read_json(path, set) if path.exists() else set()
    return sum(query_key(text) in known for text in texts)


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

    The first of ``runs`` is the run without feedback, and its first measure is that of the table. A method without
    passages has the same scores in every condition. Percentages of queries are counted per seed, because scores
    averaged over seeds rarely tie.
    """
    measure = next(iter(runs[0].scores))
    base = runs[0].scores[measure]
    machine = environment()
    found = []
    for run in runs:
        own, name, seed = run.scores[measure], run.method.name, run.method.seed
        trained = run.method.record.objective if run.method.record else {}
        shares = {} if run is runs[0] else {HELPED: own > base, HURT: own < base}
        if run.passages:
            fewer = {
                other.passages or 0: other.scores[measure]
                for other in runs
                if (other.method.name, other.method.seed) == (name, seed) and (other.passages or 0) < run.passages
            }
            shares[HURT_BY_LAST] = own < (fewer[max(fewer)] if fewer else base)
        each_query = {name_of: (100 * of).tolist() for name_of, of in run.scores.items()}
        means = [Score(SPLIT, name_of, 100 * float(of.mean())) for name_of, of in (run.scores | shares).items()]
        for size in sorted(set(sizes)) if run.passages is None else [run.passages]:
            found.append(
                RunRecord(
                    benchmark=Benchmark(task, measure, SPLIT, unit="query"),
                    condition=Condition(others={"passages": size}),
                    objective={"kind": name, "settings": {}, "source": None, **trained, "name": name},
                    seed=seed,
                    settings={**settings, "passages": size},
                    data=dict(data),
                    scores=means,
                    predictions={SPLIT: {"ids": list(queries), **each_query}},
                    environment=machine,
                )
            )
    return found


def trained_methods(folders: Sequence[Path], taken: Sequence[str] = ()) -> list[Method]:
    """The reformulators in some folders, not loaded: of ``retrieve train``, or ``best`` and ``model`` of a study.

    ``NAME-0``, ``NAME-1`` … are the seeds of one method; names in ``taken`` are refused.
    """
    found = {folder: _run_in(folder) for folder in folders}
    first: dict[str, Path] = {}
    seeds: dict[tuple[str, int], Path] = {}
    for folder in folders:
        name, record = found[folder]
        if name in taken:
            raise UserError(f"--reformulator {folder}: the name {name!r} is taken; rename the folder")
        other = seeds.setdefault((name, record.seed), folder)
        if other != folder or folders.count(folder) > 1:
            raise UserError(f"--reformulator: {other} and {folder} are both {name}, seed {record.seed}")
        other = first.setdefault(name, folder)
        if _identity(found[other][1]) != _identity(record):
            raise UserError(
                f"--reformulator: {other} and {folder} are both called {name} and differ in more than their seed; "
                "rename one of them"
            )
    return [Method(name, None, folder, record) for folder, (name, record) in found.items()]


def _run_in(folder: Path) -> tuple[str, RunRecord]:
    """The name of the method, and the record of its training."""
    if (folder / RECORD_FILE).exists():
        record = read_record(folder / RECORD_FILE)
        return folder.resolve().name.removesuffix(f"-{record.seed}"), record
    path = folder.parent / RECORD_FILE  # `model` in a run of a study
    if (folder / BEST_FILE).exists():
        path = folder.parent / read_json(folder / BEST_FILE, lambda best: str(best["run"])) / RECORD_FILE
    if not path.exists():
        raise UserError(f"--reformulator {folder}: contains no finished run; give a folder that retrieve train wrote")
    record = read_record(path)
    return record.name, record


def _identity(record: RunRecord) -> str:
    return fingerprint(_without_seed({**record.settings, "objective": record.objective}))


def _without_seed(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _without_seed(value) if isinstance(value, dict) else value
        for name, value in settings.items()
        if name != "seed"
    }
