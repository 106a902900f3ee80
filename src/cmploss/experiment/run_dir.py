"""The folder of a run or a study: its settings, the files of sessions, and whether it is finished or has failed."""

import json
import math
import re
import shutil
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cmploss.atomic import is_leftover, read_json, write_json
from cmploss.errors import UserError
from cmploss.experiment.folder_lock import LOCK_FILE

SETTINGS_FILE = "settings.json"  # the identity of a run
RECORD_FILE = "record.json"  # makes a run finished
FAILED_FILE = "failed.json"  # why a run or a search failed
SECONDS_FILE = "seconds.json"  # training time of earlier sessions
RESULT_FILE = "result.json"  # the record of a run before its checkpoint is compared with the best one
MODEL_FOLDER = "model"  # the checkpoint of a run
KEPT_FILE = "kept"  # in MODEL_FOLDER: a command with --keep_checkpoints kept it
VECTORS_FILE = "vectors.npy"  # of the evaluation split
STUDY_FILE = "study.json"
SEARCH_FILE = "search.json"  # the trials of an objective
SEARCH_FOLDER = "search"  # checkpoints of trials, and the error of a search that failed
BEST_FOLDER = "best"
NEW_BEST_FOLDER = "best.new"  # until it is complete
BEST_FILE = "run.json"  # in BEST_FOLDER: the run of the checkpoint
ADDED_LATER = (  # settings that runs of 0.1.0 do not have
    "model_files.",
    "objective.settings.crop_dropout",
    "objective.settings.layers",
    "objective.settings.exit_heads",
    "objective.settings.exit_gradient",
)
NO_IDENTITY = ("training.report_to", "training.run_name", "training.project")  # settings that change no result
CHECKPOINTS = "checkpoint-*"
EMBEDDINGS_FILE = "embeddings.svg"  # the picture of vectors next to the records of a comparison
PAGE_FILE, REPORT_FILE, LATEX_FILE = "report.html", "report.md", "report.tex"
NOISY_FOLDER = "noisy"  # training files with noise
LENGTH_FILE = "length.json"  # the number of steps, and the pilot runs that chose it
PILOT_FOLDER = "pilot"


def one_line(error: BaseException) -> str:
    """An exception in one line, without the type of a :class:`UserError`."""
    text = " ".join(str(error).split())
    return text if isinstance(error, UserError) else f"{type(error).__name__}: {text}"


def write_failure(folder: Path, error: BaseException) -> None:
    lines = "".join(traceback.format_exception(error)).splitlines()
    write_json(folder / FAILED_FILE, {"error": one_line(error), "traceback": lines})


def clear_failure(folder: Path) -> None:
    (folder / FAILED_FILE).unlink(missing_ok=True)


def failure_of(folder: Path) -> str | None:
    """The error of a run or search in one line; None if it has not failed."""
    path = folder / FAILED_FILE
    return read_json(path, lambda found: str(found["error"])) if path.exists() else None


def check_folder(folder: Path, settings: dict[str, Any]) -> None:
    """Check without writing that a run with these settings may use ``folder``."""
    used, found = in_use(folder), settings_in(folder)
    if found is None:
        if used:
            raise UserError(f"--output_dir {folder} is not empty and holds no run of ours; choose another folder")
        return
    check_same(found, settings, f"--output_dir {folder} already holds another run", "choose another folder")


def settings_in(folder: Path) -> dict[str, Any] | None:
    """The settings of the run in a folder; None if no run has begun there."""
    path = folder / SETTINGS_FILE
    if not path.exists():
        return None
    try:
        return dict(read_json(path))
    except (TypeError, ValueError) as error:
        raise UserError(f"{path} is not valid JSON; remove the folder or choose another --output_dir") from error


def difference(found: dict[str, Any], wanted: dict[str, Any]) -> str | None:
    """The first setting that differs, in words; trackers, and settings that earlier versions lack, are ignored.

    >>> difference({"task": "tickets", "training": {"seed": 1}}, {"task": "tickets", "training": {"seed": 2}})
    'its training.seed is 1, not 2'
    """
    found, wanted = flat(found), flat(json.loads(json.dumps(wanted)))
    for name in {**wanted, **found}:
        new = name not in found and name.startswith(ADDED_LATER)
        if found.get(name) != wanted.get(name) and not new and name not in NO_IDENTITY:
            return f"its {name} is {found.get(name)!r}, not {wanted.get(name)!r}"
    return None


def check_same(found: dict[str, Any], wanted: dict[str, Any], fault: str, remedy: str) -> None:
    """Refuse what an earlier command wrote with other settings; the message names the first that differs."""
    differs = difference(found, wanted)
    if differs:
        raise UserError(f"{fault}: {differs}; {remedy}")


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by dotted names.

    >>> flat({"seed": 1, "training": {"lr": 0.1}})
    {'seed': 1, 'training.lr': 0.1}
    """
    found: dict[str, Any] = {}
    for name, value in settings.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {prefix + name: value}
    return found


def check_study_folder(folder: Path, *, grid: bool) -> None:
    """Check without writing that a study may use ``folder``: one of several conditions (``grid``), or of one."""
    used = in_use(folder)
    runs = "*steps-*/*/seed-*" if grid else "*/seed-*"  # studies of earlier versions have no file of their own
    if used and not _is_study(folder, grid) and not any(folder.glob(f"{runs}/{SETTINGS_FILE}")):
        raise UserError(f"--output_dir {folder} is not empty and holds no such study; choose another folder")


def claim_study_folder(folder: Path, *, grid: bool) -> None:
    """Mark a folder as that of a study, before anything else is written, so that the study can be continued."""
    if not _is_study(folder, grid):
        claim_folder(folder, {"grid": grid}, STUDY_FILE)


def folder_name(objective: str) -> str:
    """An objective as the name of a folder.

    >>> folder_name("comparative(n_drop=1,n_crop=0)+scl")
    'comparative-n_drop=1-n_crop=0+scl'
    >>> folder_name("supervised · learning_rate=0.0001 · pooling=mean")
    'supervised_learning_rate=0.0001_pooling=mean'
    """
    return re.sub(r"[(,:/]", "-", objective.replace(" · ", "_")).replace(")", "")


def claim_folder(folder: Path, settings: dict[str, Any], file: str = SETTINGS_FILE) -> None:
    """Write the settings of a run, or the kind of a study, into its folder, which was checked before."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / file, settings)
    except OSError as error:
        raise UserError(f"--output_dir {folder} cannot be written: {error.strerror}") from error


def in_use(folder: Path) -> bool:
    """Whether the path is a file, or a folder with more than the traces of a run that failed before it began."""
    try:
        if not folder.is_dir():
            return folder.exists()
        return any(path.name not in (FAILED_FILE, LOCK_FILE) and not is_leftover(path) for path in folder.iterdir())
    except OSError as error:  # such as a name that is too long
        raise UserError(f"--output_dir {folder} cannot be read: {error.strerror}") from error


def check_space(folder: Path, model: Any) -> None:
    """Refuse a run if the disk has too little space for its weights twice, or a checkpoint with the optimizer."""
    needed = 3 * sum(value.numel() * value.element_size() for value in model.parameters())
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise UserError(f"{folder}: {free / 1e6:.0f} MB are free on the disk, and the run needs {needed / 1e6:.0f} MB")


def earlier_seconds(folder: Path, step: int) -> float:
    """Training time of a run up to the checkpoint of ``step``, which it continues from.

    It is nan if unknown: a session that was killed writes checkpoints, but not its time.
    """
    path = folder / SECONDS_FILE
    if not path.exists():
        return math.nan
    known = read_json(path, lambda found: {"seconds": float(found["seconds"]), "step": found.get("step", step)})
    return known["seconds"] if known["step"] == step else math.nan


def clear_session_files(folder: Path, *, keep_checkpoints: bool = False) -> None:
    """Remove the files that only an interrupted run needs from the folder of a finished run."""
    for name in (SECONDS_FILE, RESULT_FILE, FAILED_FILE):
        (folder / name).unlink(missing_ok=True)
    for checkpoint in () if keep_checkpoints else folder.glob(CHECKPOINTS):
        shutil.rmtree(checkpoint, ignore_errors=True)


def _is_study(folder: Path, grid: bool) -> bool:
    path = folder / STUDY_FILE
    try:
        return bool(json.loads(path.read_text(encoding="utf-8")) == {"grid": grid})
    except (OSError, ValueError, RecursionError):
        return False
