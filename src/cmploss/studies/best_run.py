"""The best run of a study: its row is chosen first, then the seed; its checkpoint goes to ``best/``."""

import math
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cmploss.atomic import write_json
from cmploss.experiment import RunRecord, read_record
from cmploss.experiment.best_run import read_best
from cmploss.experiment.run_dir import BEST_FILE, BEST_FOLDER, MODEL_FOLDER, RECORD_FILE
from cmploss.studies.plan import PlannedRun
from cmploss.tasks.splits import SELECTION_SPLIT

LEAST_PROBABILITY = 1e-5  # records round probabilities to five digits
Rank = tuple[float, float, int]
"""Score on the selection split, minus the loss there, minus the place in the plan: the larger the better."""


def selection_loss(record: RunRecord) -> float:
    """Mean loss on the selection split, from the predictions: cross-entropy of classes, squared error of numbers.

    It is 0 for other tasks, whose ties the plan decides.
    """
    found = record.predictions.get(SELECTION_SPLIT) or {}
    labels, probabilities = np.asarray(found.get("labels", ())), np.asarray(found.get("probabilities", ()))
    if labels.ndim != 1 or not labels.size:
        return 0.0
    if probabilities.size:
        of_label = probabilities[np.arange(len(labels)), labels.astype(int)].astype(float)
        found_loss = float(-np.log(of_label.clip(min=LEAST_PROBABILITY)).mean())
    else:
        found_loss = float(((np.asarray(found["predictions"], dtype=float) - labels) ** 2).mean())
    return found_loss if math.isfinite(found_loss) else math.inf


def keep_best_of_row(runs: Iterable[PlannedRun], run: PlannedRun) -> None:
    """Remove the checkpoints of a row, except its best run and the runs that are kept anyway."""
    row = [_Candidate.of(each) for each in runs if _row(each) == _row(run) and _has_model(each)]
    best = max(row, key=lambda each: each.rank, default=None)
    for each in row:
        if each is not best and not each.run.keep:
            shutil.rmtree(each.run.folder / MODEL_FOLDER)


def choose_best(folder: Path, runs: Sequence[PlannedRun], model_class: str) -> None:
    """Put the checkpoint of the best run into ``best/``, and remove those of all other runs that are not kept.

    The row (objective and condition) has the highest mean score on the selection split over its seeds; of equal rows,
    the one with the smallest mean loss there, then the first of the plan. The same holds for the seed within the row.
    Runs whose checkpoint was removed earlier are not chosen. ``model_class`` is what loads the checkpoint.
    """
    _complete(folder)
    rows: dict[Any, list[_Candidate]] = {}
    for run in runs:
        if run.finished:
            rows.setdefault(_row(run), []).append(_Candidate.of(run))
    ranked = sorted(rows.values(), key=_rank_of_row, reverse=True)
    held = (read_best(folder) or {}).get("run")
    for row in ranked:
        usable = [each for each in row if _has_model(each.run) or _where(folder, each.run) == held]
        if usable:
            best = max(usable, key=lambda each: each.rank)
            if _where(folder, best.run) != held:
                _replace(folder, best.run)
            others = [_rank_of_row(each)[0] for each in ranked if each is not row]
            facts = _facts(folder, best, row, others) | {"model_class": model_class}
            if facts != read_best(folder):
                write_json(folder / BEST_FOLDER / BEST_FILE, facts)
            break
    for run in runs:
        if run.finished and not run.keep:
            shutil.rmtree(run.folder / MODEL_FOLDER, ignore_errors=True)


@dataclass(frozen=True)
class _Candidate:
    """A finished run, its record and its rank."""

    run: PlannedRun
    record: RunRecord
    rank: Rank

    @classmethod
    def of(cls, run: PlannedRun) -> "_Candidate":
        record = read_record(run.folder / RECORD_FILE)
        reached = record.score(SELECTION_SPLIT, record.benchmark.measure)
        reached = -math.inf if math.isnan(reached) else reached  # an undefined score is below all others
        return cls(run, record, (reached, -selection_loss(record), -run.place))


def _rank_of_row(row: Sequence[_Candidate]) -> Rank:
    score, loss, _ = (float(value) for value in np.mean([each.rank for each in row], axis=0))
    return score, loss, row[0].rank[2]


def _facts(folder: Path, best: _Candidate, row: Sequence[_Candidate], others: Sequence[float]) -> dict[str, Any]:
    record, benchmark, mean = best.record, best.record.benchmark, _rank_of_row(row)[0]
    return {
        "objective": record.name,
        "seed": record.seed,
        "score": _finite(best.rank[0]),
        "run": _where(folder, best.run),
        "measure": benchmark.measure,
        "examples": record.split(SELECTION_SPLIT).get("examples", 0),
        "row_mean": _finite(mean),
        "row_runs": len(row),
        "lead": _finite(mean - max(others)) if others else None,
        "eval_split": benchmark.eval_split,
        "eval_score": _finite(record.primary),
    }


def _replace(folder: Path, run: PlannedRun) -> None:
    fresh = folder / f"{BEST_FOLDER}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    facts = {"run": _where(folder, run)}
    if run.keep:
        shutil.copytree(run.folder / MODEL_FOLDER, fresh)
        write_json(fresh / BEST_FILE, facts)
    else:
        write_json(run.folder / MODEL_FOLDER / BEST_FILE, facts)  # first: there is no other copy after the next line
        (run.folder / MODEL_FOLDER).rename(fresh)
    _complete(folder)


def _complete(folder: Path) -> None:
    """Put a whole new checkpoint in the place of the old one, also after a process that was killed meanwhile."""
    fresh = folder / f"{BEST_FOLDER}.new"
    if (fresh / BEST_FILE).exists():
        shutil.rmtree(folder / BEST_FOLDER, ignore_errors=True)
        fresh.rename(folder / BEST_FOLDER)


def _row(run: PlannedRun) -> tuple[Any, str]:
    return run.condition, run.config.objective


def _has_model(run: PlannedRun) -> bool:
    return run.finished and (run.folder / MODEL_FOLDER).is_dir()


def _where(folder: Path, run: PlannedRun) -> str:
    return run.folder.relative_to(folder).as_posix()


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
