"""The card of the best model: scores, the basis of its choice, and Python code that loads it."""

from collections.abc import Mapping
from typing import Any

from cmploss.experiment.best_run import best_lines
from cmploss.experiment.loading_code import loading_code
from cmploss.experiment.run_dir import BEST_FOLDER


def best_view(best: Mapping[str, Any] | None, study: str, block: str) -> dict[str, Any] | None:
    """The best run of a study as the page shows it; None without a checkpoint.

    Args:
        best: What :func:`cmploss.experiment.best_run.read_best` found.
        study: Name of the folder of the study.
        block: What the runs of a row differ in, ``seed`` or ``fold``.
    """
    if best is None or "measure" not in best:
        return None
    folder = f"{study}/{BEST_FOLDER}"
    code = loading_code(best["model_class"], folder) if "model_class" in best else ""
    return {**best, "block": block, "lines": best_lines(best), "folder": folder, "code": code}
