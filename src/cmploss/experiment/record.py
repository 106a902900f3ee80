"""The record of one finished run: its fields, writing and reading."""

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cmploss.atomic import nulled, write_text
from cmploss.errors import NotFiniteError, UserError
from cmploss.experiment.condition import Benchmark, Condition, Noise
from cmploss.experiment.objective_text import row_name
from cmploss.experiment.record_shape import faults_of
from cmploss.experiment.schema1 import upgraded

SCHEMA = 2
REFERENCE_FOLDER = "reference"
REFERENCE = "reference"
"""Kind of the objective in a record of a simple model, which is trained on the same sample without an objective."""
DROPOUT_POWER = "dropout_power"
CONTEXT_SIZE = "context_size"
DISTRACTORS = "distractors"
LAYERS = "layers"
"""Settings of inference, keys of :attr:`Score.at`: dropout power, paragraphs and distractors per question, layers."""
VIOLATION_RATE = "violation_rate"
"""Measure of a submodel: percent of examples on which it, or a fuller one, has a smaller loss than the full model."""
_NUMBERS = ("history", "cost")  # every leaf is a float
_FINITE = ("scores", "predictions", *_NUMBERS)  # non-finite numbers are written as null


@dataclass(frozen=True)
class Score:
    """One score of a run.

    Attributes:
        split: The split of the data.
        measure: Name of the measure; ``loss`` is a mean loss, all others are percent.
        value: The number, nan if it is undefined.
        at: Settings of inference, such as ``{"dropout_power": 2}``; {} for the unchanged model.
    """

    split: str
    measure: str
    value: float
    at: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, split: str, values: Mapping[str, float], at: Mapping[str, Any] | None = None) -> "list[Score]":
        """Several measures of one split: measure -> value."""
        return [cls(split, measure, value, at or {}) for measure, value in values.items()]


@dataclass(frozen=True)
class RunRecord:
    """The complete description of one finished run.

    Attributes:
        benchmark: The benchmark; runs with the same benchmark can be compared.
        condition: The condition.
        objective: ``name`` (as written), ``kind``, ``settings`` (resolved) and ``source``; if the study varies other
            settings, also ``varied`` with their values in this row.
        seed: Seed of the run; runs of different objectives are paired by it.
        settings: Every resolved setting (model, objective, hyper-parameters, sizes) in JSON types: the run's identity.
        data: ``splits`` (name -> ``examples``, ``sha256``), ``label_names``, ``notes``, and other facts of the task.
        scores: Every score, in percent, higher is better; under ablation also ``loss`` and ``violation_rate``.
        predictions: Split -> lists with one entry for each example: ``labels``, ``predictions``, ``probabilities``;
            or the values of a measure under its name. ``ids`` are the ids of examples, by default their positions; a
            benchmark whose unit is not the seed is paired by them.
        history: The logged points of training: step, loss, its components, ``eval_…``.
        cost: ``seconds``, ``steps``, ``passes_per_step``, ``seconds_per_step``, ``peak_memory_mb``.
        environment: The result of :func:`cmploss.experiment.environment`.
        created: ISO 8601 time in UTC, e.g. ``"2026-01-31T12:00:00+00:00"``.
        schema: Version of the schema.

    Examples:
        >>> record = RunRecord(
        ...     benchmark=Benchmark("tickets", "accuracy", "test"),
        ...     condition=Condition(train_size=100),
        ...     objective={"name": "supervised", "kind": "supervised", "settings": {}, "source": None},
        ...     seed=0,
        ...     scores=[Score("test", "accuracy", 80.0), Score("test", "accuracy", 75.0, {"dropout_power": 1})],
        ... )
        >>> record.score("test", "accuracy"), record.score("test", "accuracy", {"dropout_power": 1})
        (80.0, 75.0)
    """

    benchmark: Benchmark
    condition: Condition
    objective: dict[str, Any]
    seed: int
    settings: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    scores: list[Score] = field(default_factory=list)
    predictions: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    cost: dict[str, float] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    schema: int = SCHEMA

    @property
    def name(self) -> str:
        """Name of the row: of the objective, and of the settings that only this row of the study has."""
        return row_name(str(self.objective["name"]), self.objective.get("varied") or {})

    @property
    def primary(self) -> float:
        """The score that is reported: the primary measure on the evaluation split; nan if missing."""
        return self.score(self.benchmark.eval_split, self.benchmark.measure)

    def score(self, split: str | None, measure: str, at: Mapping[str, Any] | None = None) -> float:
        """One score; nan if it is missing."""
        return self.measures(split, at).get(measure, math.nan)

    def measures(self, split: str | None, at: Mapping[str, Any] | None = None) -> dict[str, float]:
        """Measure -> value on a split, for the unchanged model or under some settings of inference."""
        return {each.measure: each.value for each in self.scores if each.split == split and each.at == (at or {})}

    def split(self, name: str | None) -> Mapping[str, Any]:
        """``examples`` and ``sha256`` of a split, {} if unknown."""
        found: Mapping[str, Any] = self.data.get("splits", {}).get(name, {})
        return found


def fingerprint(settings: dict[str, Any]) -> str:
    """12 hexadecimal digits that identify settings, whatever the order of the keys.

    The first 12 digits of SHA-256 over the canonical JSON (sorted keys, no spaces, ASCII).

    Raises:
        UserError: If a value is not JSON; NaN and infinity are not.

    >>> fingerprint({"seed": 0, "lr": 5e-5}) == fingerprint({"lr": 0.00005, "seed": 0})
    True
    >>> fingerprint({})
    '44136fa355b3'
    """
    canonical = _json(settings, "settings", sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def write_record(record: RunRecord, path: str | Path) -> None:
    """Write a record atomically as strict JSON; missing folders are made.

    Non-finite numbers in ``scores``, ``history``, ``cost`` and ``predictions`` are written as null, because JSON has
    neither NaN nor infinity. :func:`read_record` returns them as nan in the first three, where every value is a float,
    and as None in ``predictions``. Tuples are read back as lists.

    Raises:
        UserError: If the file exists (records are never overwritten), or a value is not JSON.
    """
    path = Path(path)
    if path.exists():
        raise UserError(f"{path}: this record exists already; choose another folder or remove the old run")
    _check_finite(record)
    lines = []
    for name, value in asdict(record).items():
        if name in _FINITE:
            value = nulled(value)
        lines.append(f"{json.dumps(name)}: {_json(value, f'{path}: field {name!r}')}")
    write_text(path, "{\n" + ",\n".join(lines) + "\n}\n", exclusive=True)


def read_record(path: str | Path) -> RunRecord:
    """Read a record of :func:`write_record`, or a record of schema 1 from an earlier version.

    Raises:
        UserError: If the file cannot be read, is not JSON, has an unknown schema, lacks a field, or has an unknown
            field or one of the wrong type.
    """
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        fault = f"{path}: not a readable JSON file ({error})"
        raise UserError(f"{fault}; remove it, and the command that wrote it writes it again") from error
    if not isinstance(document, dict):
        raise UserError(f"{path}: a record is a JSON object, not {type(document).__name__}; remove the file")
    try:
        if document.get("schema") == 1:
            document = upgraded(document)
        elif document.get("schema") != SCHEMA:
            raise UserError(
                f"unknown schema {document.get('schema')!r}, this version reads 1 and {SCHEMA}; "
                "read it with the cmploss version that wrote it"
            )
        return record_of(document)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path}: not a record: {error}; remove the file or run again") from error


def read_records(folder: str | Path) -> list[RunRecord]:
    """Read every ``record.json`` below a folder, sorted by path.

    Raises:
        UserError: If there is no such folder, or a file in it is not a record.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; give the folder of the runs")
    return [read_record(path) for path in sorted(folder.glob("**/record.json"))]


def read_references(folder: str | Path) -> list[RunRecord]:
    """The records of the simple models in the folder of a study, sorted by path; [] if there are none.

    Raises:
        UserError: If a file is not a record.
    """
    return [read_record(path) for path in sorted(Path(folder).glob(f"{REFERENCE_FOLDER}/*.json"))]


def record_of(document: dict[str, Any]) -> RunRecord:
    """The record in a JSON object of the current schema.

    Raises:
        UserError: If a field is missing, unknown or of the wrong type.
    """
    faults = list(faults_of(document))
    if faults:
        raise UserError(f"not a record: {', '.join(faults[:5])}; remove the file or run again")
    numbers = {name: _replace(document[name], lambda leaf: leaf is None, math.nan) for name in _NUMBERS}
    condition = document["condition"]
    return RunRecord(
        **document
        | numbers
        | {
            "benchmark": Benchmark(**document["benchmark"]),
            "condition": Condition(**condition | {"noise": Noise(**condition["noise"])}),
            "scores": [
                Score(**each | {"value": math.nan if each["value"] is None else each["value"]})
                for each in document["scores"]
            ],
        }
    )


def _check_finite(record: RunRecord) -> None:
    """Refuse predictions, losses and infinite scores; a score that is undefined (nan) is none of these."""
    for split, columns in record.predictions.items():
        for name in ("predictions", "probabilities"):
            if _holds_not_finite(columns.get(name, ())):
                raise NotFiniteError(f"{name} on {split} are not finite")
    for score in record.scores:
        if math.isinf(score.value) or (score.measure == "loss" and math.isnan(score.value)):
            raise NotFiniteError(f"{score.measure} on {score.split} is not finite")


def _holds_not_finite(value: Any) -> bool:
    return any(map(_holds_not_finite, value)) if isinstance(value, (list, tuple)) else _not_finite(value)


def _not_finite(leaf: object) -> bool:
    return isinstance(leaf, float) and not math.isfinite(leaf)


def _replace(value: Any, chosen: Callable[[Any], bool], new: float | None) -> Any:
    """Copy nested dicts and lists with every chosen leaf replaced."""
    if isinstance(value, dict):
        return {key: _replace(item, chosen, new) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_replace(item, chosen, new) for item in value]
    return new if chosen(value) else value


def _json(value: object, place: str, **style: Any) -> str:
    try:
        return json.dumps(value, allow_nan=False, **style)
    except (TypeError, ValueError) as error:
        raise UserError(f"{place} is not JSON ({error}); use finite numbers, text, lists and dicts") from error
