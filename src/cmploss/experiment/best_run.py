"""The run whose checkpoint is in ``best/`` of a study, and what its choice rests on."""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cmploss.atomic import read_json
from cmploss.experiment.condition import SELECTION_SPLIT
from cmploss.experiment.record import RunRecord
from cmploss.experiment.run_dir import BEST_FILE, BEST_FOLDER

SHARE = "accuracy"
"""The measure that is a share of the examples; the standard errors of others, such as F1, are unknown."""
ROUNDING = 1e-9
TEXTS = ("objective", "run", "created", "measure", "eval_split", "model_class", "not_kept")


def read_best(folder: Path) -> dict[str, Any] | None:
    """The run whose checkpoint lies in ``best/`` of a study: its objective, seed, scores and folder."""
    path = folder / BEST_FOLDER / BEST_FILE
    return read_json(path, _checked) if path.exists() else None


def is_among(best: Mapping[str, Any], records: Iterable[RunRecord]) -> bool:
    """Whether the run in ``best/`` is one of these, and not of an earlier command in the same folder."""
    name, created = (best.get("objective"), best.get("seed")), best.get("created")
    return any((each.name, each.seed) == name and created in (None, each.created) for each in records)


def _checked(best: Any) -> dict[str, Any]:
    for name in TEXTS:
        if name in best and not isinstance(best[name], str):
            raise TypeError(f"{name} is {type(best[name]).__name__}")
    if best_lines(best):  # which raises an exception where a number is missing
        best = {**best, "objective": best["objective"], "seed": int(best["seed"])}
    return {**best, "run": best["run"]}


def best_lines(best: Mapping[str, Any]) -> list[str]:
    """What the choice of the best run rests on, in lines.

    >>> facts = {"measure": "accuracy", "score": 80.0, "examples": 100, "row_mean": 78.0, "row_runs": 5, "lead": 1.5}
    >>> for line in best_lines({**facts, "eval_split": "test", "eval_score": 75.0}):
    ...     print(line)
    validation accuracy 80.0 (100 examples), mean of its row 78.0 (5 runs); test accuracy 75.0
    the validation split is too small to choose: the next row is 1.5 points behind, and the standard error is 4.1
    """
    if "measure" not in best:
        return []
    measure, runs = best["measure"], best["row_runs"]
    line = f"{SELECTION_SPLIT} {measure} {_number(best['score'])} ({best['examples']} examples), "
    line += f"mean of its row {_number(best['row_mean'])} ({runs} run{'s' * (runs != 1)})"
    if best["eval_split"] != SELECTION_SPLIT:
        line += f"; {best['eval_split']} {measure} {_number(best['eval_score'])}"
    lines = [line]
    if "not_kept" in best:
        lines.append(f"{best['not_kept']} is better but has no checkpoint; remove its record.json to train it again")
    lead, error = best["lead"], standard_error(best["row_mean"], best["examples"]) if measure == SHARE else math.nan
    fault = f"the {SELECTION_SPLIT} split is too small to choose: the next row"
    if lead is not None and abs(lead) < ROUNDING:
        lines.append(f"{fault} has the same mean")
    elif lead is not None and 0 < lead < error:
        lines.append(f"{fault} is {lead:.1f} points behind, and the standard error is {error:.1f}")
    return lines


def standard_error(score: float, examples: int) -> float:
    """The standard error of a share of the examples in percent, ``100 · √(p (1 − p) / n)``; nan if it is unknown.

    >>> standard_error(80.0, 100)
    4.0
    """
    share = min(max((score or 0.0) / 100, 0.0), 1.0)
    return round(100 * math.sqrt(share * (1 - share) / examples), 10) if examples else math.nan


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.1f}"
