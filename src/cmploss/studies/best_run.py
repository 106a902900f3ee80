"""The best run of a study, by row and then by seed; its checkpoint goes to ``best/``."""

import logging
import math
import shutil
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from cmploss.atomic import write_json
from cmploss.experiment import RunRecord, read_record
from cmploss.experiment.best_run import read_best
from cmploss.experiment.loading_code import loads_with
from cmploss.experiment.run_dir import BEST_FILE, BEST_FOLDER, KEPT_FILE, MODEL_FOLDER, NEW_BEST_FOLDER, RECORD_FILE
from cmploss.studies.plan import PlannedRun
from cmploss.tasks.splits import SELECTION_SPLIT

logger = logging.getLogger(__name__)

LEAST_PROBABILITY = 1e-5  # records round probabilities to five digits
Rank = tuple[float, float, int]
"""Score on the selection split, minus the loss there, minus the place in the plan; larger is better."""


def selection_loss(record: RunRecord) -> float:
    """Mean loss on the selection split, from the predictions: cross-entropy of classes, squared error of numbers.

    It is 0 for other tasks.
    """
    found = record.predictions.get(SELECTION_SPLIT) or {}
    labels = found.get("labels") or ()
    if not labels or not all(isinstance(label, int | float) for label in labels):
        return 0.0
    labels, probabilities = np.asarray(labels), np.asarray(found.get("probabilities", ()))
    if probabilities.size:
        of_label = probabilities[np.arange(len(labels)), labels.astype(int)].astype(float)
        found_loss = float(-np.log(of_label.clip(min=LEAST_PROBABILITY)).mean())
    else:
        found_loss = float(((np.asarray(found["predictions"], dtype=float) - labels) ** 2).mean())
    return found_loss if math.isfinite(found_loss) else math.inf


def keep_best_of_row(runs: Iterable[PlannedRun], run: PlannedRun) -> None:
    """Remove the checkpoints of a row, except that of its best run and those that are kept."""
    row = [each for each in runs if _row(each) == _row(run) and _has_model(each)]
    _mark(row)
    best = max(row, key=_rank, default=None)
    for each in row:
        if each is not best and not each.is_kept:
            shutil.rmtree(each.folder / MODEL_FOLDER, ignore_errors=True)  # another shard may remove it too


def choose_best(folder: Path, runs: Sequence[PlannedRun], model_class: str) -> None:
    """Put the checkpoint of the best run into ``best/``, and remove all others, except those that are kept.

    The row (objective and condition) has the highest mean score on the selection split over its seeds; of equal rows,
    the one with the smallest mean loss there, then the first of the plan. The same holds for the seed within the row.
    Runs whose checkpoint was removed earlier are not chosen. The checkpoint of a run that is not among ``runs``, of an
    earlier command with other rows, goes back to its run. ``model_class`` is the class that loads a checkpoint.
    """
    _complete(folder)
    _mark(runs)
    rows: dict[Any, list[tuple[Rank, PlannedRun]]] = {}
    for run in runs:
        if run.finished:
            rows.setdefault(_row(run), []).append((_rank(run), run))
    ranked = sorted(rows.values(), key=_rank_of_row, reverse=True)
    held = read_best(folder) or {}
    for row in ranked:
        usable = [(rank, run) for rank, run in row if _has_model(run) or _is_held(folder, run, held)]
        if usable:
            (score, _, _), best = max(usable, key=itemgetter(0))
            if not _is_held(folder, best, held):
                _replace(folder, best)
                _tell_of_earlier(folder, runs, held)
            mean = _rank_of_row(row)[0]
            others = [_rank_of_row(each)[0] for each in ranked if each is not row]
            record = read_record(best.folder / RECORD_FILE)
            facts: dict[str, Any] = {
                "objective": record.name,
                "seed": record.seed,
                "score": _finite(score),
                "run": _where(folder, best),
                "created": record.created,
                "measure": record.benchmark.measure,
                "examples": record.split(SELECTION_SPLIT).get("examples", 0),
                "row_mean": _finite(mean),
                "row_runs": len(row),
                "lead": _finite(mean - max(others)) if others else None,
                "eval_split": record.benchmark.eval_split,
                "eval_score": _finite(record.primary),
                "model_class": loads_with(model_class, lora="lora" in record.settings),
            }
            first = max(ranked[0], key=itemgetter(0))[1]
            if first is not best:  # its checkpoint was removed: by a user, or before runs were added
                facts["not_kept"] = _where(folder, first)
            if facts != read_best(folder):
                write_json(folder / BEST_FOLDER / BEST_FILE, facts)
            break
    for run in runs:
        if run.finished and not run.is_kept:
            shutil.rmtree(run.folder / MODEL_FOLDER, ignore_errors=True)


def _mark(runs: Iterable[PlannedRun]) -> None:
    """Mark the checkpoints that this command keeps, so that later ones keep them too."""
    for run in runs:
        if run.keep and _has_model(run):
            (run.folder / MODEL_FOLDER / KEPT_FILE).touch()


def _rank(run: PlannedRun) -> Rank:
    record = read_record(run.folder / RECORD_FILE)
    reached = record.score(SELECTION_SPLIT, record.benchmark.measure)
    reached = -math.inf if math.isnan(reached) else reached  # an undefined score is below all others
    return reached, -selection_loss(record), -run.place


def _rank_of_row(row: Sequence[tuple[Rank, PlannedRun]]) -> Rank:
    score, loss, _ = (float(value) for value in np.mean([rank for rank, _ in row], axis=0))
    return score, loss, row[0][0][2]


def _replace(folder: Path, run: PlannedRun) -> None:
    fresh = folder / NEW_BEST_FOLDER
    shutil.rmtree(fresh, ignore_errors=True)
    facts = {"run": _where(folder, run), "created": read_record(run.folder / RECORD_FILE).created}
    if run.is_kept:
        shutil.copytree(run.folder / MODEL_FOLDER, fresh, ignore=shutil.ignore_patterns(KEPT_FILE))
        write_json(fresh / BEST_FILE, facts)
    else:
        write_json(run.folder / MODEL_FOLDER / BEST_FILE, facts)  # first: there is no other copy after the next line
        (run.folder / MODEL_FOLDER).rename(fresh)
    _complete(folder)


def _complete(folder: Path) -> None:
    """Replace the old checkpoint by a complete new one, which a process that was killed may have left."""
    fresh = folder / NEW_BEST_FOLDER
    if (fresh / BEST_FILE).exists():
        _give_back(folder)
        shutil.rmtree(folder / BEST_FOLDER, ignore_errors=True)
        fresh.rename(folder / BEST_FOLDER)


def _give_back(folder: Path) -> None:
    """Move the checkpoint in ``best/`` back to its run, unless this was trained again or has a copy."""
    held = read_best(folder)
    runs = {record.parent.relative_to(folder).as_posix(): record.parent for record in folder.rglob(RECORD_FILE)}
    home = runs.get(held["run"]) if held else None
    if held is None or home is None or (home / MODEL_FOLDER).exists():
        return
    if held.get("created") in (None, read_record(home / RECORD_FILE).created):
        (folder / BEST_FOLDER).rename(home / MODEL_FOLDER)
        (home / MODEL_FOLDER / BEST_FILE).unlink()


def _tell_of_earlier(folder: Path, runs: Iterable[PlannedRun], held: Mapping[str, Any]) -> None:
    """Say where the checkpoint is that was in ``best/``, if its run is not among these runs."""
    earlier = held.get("run")
    if earlier and earlier not in {_where(folder, run) for run in runs} and (folder / earlier / MODEL_FOLDER).is_dir():
        logger.warning(
            "note: %s was of %s, which this command does not have; that checkpoint is in %s now",
            folder / BEST_FOLDER,
            earlier,
            folder / earlier / MODEL_FOLDER,
        )


def _row(run: PlannedRun) -> tuple[Any, str]:
    return run.condition, run.config.objective


def _has_model(run: PlannedRun) -> bool:
    return run.finished and (run.folder / MODEL_FOLDER).is_dir()


def _is_held(folder: Path, run: PlannedRun, held: Mapping[str, Any]) -> bool:
    """Whether the checkpoint in ``best/`` is of this run, and the run has not been trained again."""
    if held.get("run") != _where(folder, run):
        return False
    return held.get("created") in (None, read_record(run.folder / RECORD_FILE).created)


def _where(folder: Path, run: PlannedRun) -> str:
    return run.folder.relative_to(folder).as_posix()


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
