"""The record of one finished run: its fields, and how it is written and read."""

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_origin, get_type_hints

from cmploss.atomic import write_text
from cmploss.errors import UserError

SCHEMA = 1
_NUMBERS = ("scores", "curves", "cost")  # every leaf is a float
_CLASSES = {dict: dict, list: list}  # what isinstance accepts in place of dict[…] and list[…]


@dataclass(frozen=True)
class RunRecord:
    """All that is known about one finished run.

    Args:
        task: name of the task, e.g. ``"sst2"``.
        objective: name of the objective, e.g. ``"comparative"``.
        seed: seed of the run; runs of different objectives are paired by it.
        settings: every resolved setting (model, objective, hyper-parameters, sizes), in JSON types.
        data: ``parts`` (name -> ``examples``, ``sha256``), ``label_names``, ``notes``, ``selected_on``
            (the part that chose the checkpoint or the run, None without a choice) and ``reported_on``.
        scores: part -> measure -> percent, higher is better; a part that is scored under ablation
            (``test_dropout_power_1``) also has its mean ``loss`` and ``violation_rate``, in percent.
        measure: the primary measure, a key of ``scores[part]``.
        predictions: part -> ``labels``, ``predictions``, ``probabilities``.
        curves: the logged points of training: step, loss, its parts, ``eval_…``.
        cost: ``seconds``, ``steps``, ``passes_per_step``, ``seconds_per_step``, ``peak_memory_mb``.
        environment: what :func:`cmploss.experiment.environment` returned.
        few_shot: size of the few-shot training sample, None for all examples.
        schema: version of this form.
        created: ISO 8601 time in UTC, e.g. ``"2026-01-31T12:00:00+00:00"``.
    """

    task: str
    objective: str
    seed: int
    settings: dict[str, Any]
    data: dict[str, Any]
    scores: dict[str, dict[str, float]]
    measure: str
    predictions: dict[str, Any]
    curves: list[dict[str, float]]
    cost: dict[str, float]
    environment: dict[str, Any]
    few_shot: int | None = None
    schema: int = SCHEMA
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))


def fingerprint(settings: dict[str, Any]) -> str:
    """Name settings by 12 hexadecimal digits that do not depend on the order of the keys.

    The first 12 digits of SHA-256 over the canonical JSON (sorted keys, no spaces, ASCII).

    Raises:
        UserError: a value is not JSON (NaN and infinity are not).

    >>> fingerprint({"seed": 0, "lr": 5e-5}) == fingerprint({"lr": 0.00005, "seed": 0})
    True
    >>> fingerprint({})
    '44136fa355b3'
    """
    canonical = _json(settings, "settings", sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def write_record(record: RunRecord, path: str | Path) -> None:
    """Write a record as strict JSON, whole or not at all; missing folders are made.

    A number that is not finite is written as null in ``scores``, ``curves``, ``cost`` and ``predictions``,
    because JSON knows neither NaN nor infinity. :func:`read_record` returns nan for it in the first three,
    where every leaf is a float, and None in ``predictions``. Tuples are read back as lists.

    Raises:
        UserError: the file exists (a record is never overwritten), or a value is not JSON.
    """
    path = Path(path)
    if path.exists():
        raise UserError(f"{path}: this record exists already; choose another folder or remove the old run")
    lines = []
    for name in (item.name for item in fields(record)):
        value = getattr(record, name)
        if name in _NUMBERS or name == "predictions":
            value = _replace(value, _not_finite, None)
        lines.append(f"{json.dumps(name)}: {_json(value, f'{path}: field {name!r}')}")
    write_text(path, "{\n" + ",\n".join(lines) + "\n}\n", exclusive=True)


def read_record(path: str | Path) -> RunRecord:
    """Read the record that :func:`write_record` wrote.

    Raises:
        UserError: the file cannot be read, is not JSON, has an unknown schema, lacks a field, has an
            unknown one, or a field has the wrong type.
    """
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not a readable JSON file ({error}); remove it or run again") from error
    if not isinstance(document, dict):
        raise UserError(f"{path}: a record is a JSON object, not {type(document).__name__}; remove the file")
    if document.get("schema") != SCHEMA:
        raise UserError(
            f"{path}: unknown schema {document.get('schema')!r}, this version reads {SCHEMA}; "
            "read it with the version of cmploss that wrote it"
        )
    hints = get_type_hints(RunRecord)
    faults = [f"{name} is missing" for name in hints if name not in document]
    faults += [f"{name} is unknown" for name in document if name not in hints]
    faults += [
        f"{name} is {type(document[name]).__name__}"
        for name, hint in hints.items()
        if name in document and not isinstance(document[name], _CLASSES.get(get_origin(hint), hint))
    ]
    if faults:
        raise UserError(f"{path}: not a record: {', '.join(faults)}; remove the file or run again")
    for name in _NUMBERS:
        document[name] = _replace(document[name], _is_null, math.nan)
    return RunRecord(**document)


def read_records(folder: str | Path) -> list[RunRecord]:
    """Read every ``record.json`` below a folder, sorted by path; an empty list if there is none.

    Raises:
        UserError: there is no such folder, or a file in it is not a record.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; give the folder that holds the runs")
    return [read_record(path) for path in sorted(folder.glob("**/record.json"))]


def _replace(value: Any, chosen: Callable[[Any], bool], new: float | None) -> Any:
    """Copy nested dicts and lists with every chosen leaf replaced."""
    if isinstance(value, dict):
        return {key: _replace(item, chosen, new) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_replace(item, chosen, new) for item in value]
    return new if chosen(value) else value


def _not_finite(leaf: Any) -> bool:
    return isinstance(leaf, float) and not math.isfinite(leaf)


def _is_null(leaf: Any) -> bool:
    return leaf is None


def _json(value: object, place: str, **style: Any) -> str:
    try:
        return json.dumps(value, allow_nan=False, **style)
    except (TypeError, ValueError) as error:
        raise UserError(f"{place} is not JSON ({error}); use finite numbers, text, lists and dicts") from error
