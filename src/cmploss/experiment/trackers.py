"""Experiment trackers: one tracker run for each training, named after its folder and grouped by study."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cmploss.errors import UserError

TRACKERS = ("mlflow", "tensorboard", "trackio", "wandb")
"""Trackers whose runs are named and grouped; each is the name of its package too."""
LOGS = "tensorboard"
LOGS_VARIABLE = "TENSORBOARD_LOGGING_DIR"


def trackers_of(report_to: str | None) -> list[str]:
    """The names in ``--report_to``.

    Raises:
        UserError: The package of a tracker is not installed.
    """
    names = [name.strip() for name in (report_to or "none").split(",")]
    for name in names:
        installed = find_spec(name) or (name == "tensorboard" and find_spec("tensorboardX"))
        if name in TRACKERS and not installed:
            raise UserError(f"--report_to {name} needs {name}; install it with: pip install {name}")
    return names


@dataclass(frozen=True)
class Tracking:
    """How trackers call a training.

    Attributes:
        names: The trackers.
        run: Name of the training.
        group: Of its study; None for a training by itself.
        logs: The folder for TensorBoard's files, in which each training has its own.
    """

    names: list[str]
    run: str
    group: str | None
    logs: Path


def tracking_of(training: Mapping[str, Any], folder: Path, study: Path | None) -> Tracking:
    """The training in a folder of a study, or by itself: it is called after its folder.

    ``run_name`` is the name of the study, or of a training by itself.
    """
    names, given = trackers_of(training.get("report_to")), training.get("run_name")
    if study is None:
        return Tracking(names, given or folder.resolve().name, None, folder / LOGS)
    run = folder.relative_to(study) if folder.is_relative_to(study) else folder
    return Tracking(names, run.as_posix(), given or study.resolve().name, study / LOGS)


def refuse_open_runs(names: list[str]) -> None:
    """Refuse a tracker that has an open run, which would get the logs of every training."""
    for name in names:
        if _is_open(name):
            raise UserError(f"--report_to {name}: a run of {name} is open; end it before training starts")


@contextmanager
def tracked(training: Tracking) -> Iterator[None]:
    """Tell the trackers about the next training, and end the run that they begin for it."""
    refuse_open_runs(training.names)
    given = {name: os.environ.get(name) for name in ("WANDB_RUN_GROUP", "MLFLOW_EXPERIMENT_NAME", LOGS_VARIABLE)}
    wanted = {name: value or training.group for name, value in given.items()}
    wanted[LOGS_VARIABLE] = str(Path(given[LOGS_VARIABLE] or training.logs) / training.run)
    _set(wanted)
    failed = True
    try:
        yield
        failed = False
    finally:
        _set(given)
        for name in filter(_is_open, training.names):
            _end(name, failed=failed)


def _set(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _is_open(name: str) -> bool:
    module: Any = sys.modules.get(name)
    found = {
        "mlflow": lambda: module.active_run(),
        "trackio": lambda: module.context_vars.current_run.get(),
        "wandb": lambda: module.run,
    }
    return module is not None and name in found and found[name]() is not None


def _end(name: str, *, failed: bool) -> None:
    module: Any = sys.modules[name]
    if name == "mlflow":
        module.end_run("FAILED" if failed else "FINISHED")
    elif name == "wandb":
        module.finish(exit_code=int(failed))
    else:
        module.finish()
