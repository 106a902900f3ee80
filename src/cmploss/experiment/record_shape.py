"""What reports rely on in a record: the types of its parts, and lists of the same length."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from cmploss.experiment.condition import Unit

Kinds = tuple[type, ...]
TEXT: Kinds = (str,)
TEXT_OR_NONE: Kinds = (str, type(None))
WHOLE: Kinds = (int,)
WHOLE_OR_NONE: Kinds = (int, type(None))
NUMBER: Kinds = (int, float, type(None))  # null is nan
ANY: Kinds = (object,)
LARGEST = 2**53  # of a whole number that is exact in JSON
SURROGATE = re.compile("[\ud800-\udfff]")  # half of a character, which no file can hold


@dataclass(frozen=True)
class Each:
    """A list of such values, or an object with such values under any names."""

    of: Any
    within: type[list[Any]] | type[dict[str, Any]] = list


@dataclass(frozen=True)
class Fields:
    """An object with all of ``needed`` and perhaps some of ``more``; other fields have any value."""

    needed: Mapping[str, Any]
    more: Mapping[str, Any]


_SETTINGS = Fields(
    {}, {"measures": (dict, str)} | {name: Each(ANY, dict) for name in ("training", "search", "model_files")}
)
_OBJECTIVE = Fields(
    {"name": TEXT, "kind": TEXT, "settings": Each(ANY, dict)},
    {"varied": (dict, type(None)), "source": (str, dict, type(None))},
)
_DATA = Fields(
    {},
    {
        "splits": Each(Fields({}, {"examples": WHOLE, "sha256": TEXT_OR_NONE}), dict),
        "label_names": Each(TEXT),
        "notes": Each(TEXT),
        "silhouette": NUMBER,
        "command": TEXT,
        "together": Each(TEXT),
    },
)
SHAPE = Fields(
    {
        "benchmark": Fields(
            {"task": TEXT, "measure": TEXT, "eval_split": TEXT_OR_NONE},
            {"selection_split": TEXT_OR_NONE, "unit": TEXT},
        ),
        "condition": Fields(
            {"noise": Fields({"kind": TEXT, "level": (int, float)}, {})},
            {"train_size": WHOLE_OR_NONE, "steps": WHOLE_OR_NONE, "others": Each(ANY, dict)},
        ),
        "objective": _OBJECTIVE,
        "seed": WHOLE,
        "settings": _SETTINGS,
        "data": _DATA,
        "scores": Each(Fields({"split": TEXT, "measure": TEXT, "value": NUMBER}, {"at": Each(NUMBER, dict)})),
        "predictions": Each(Fields({}, {"labels": Each(ANY), "predictions": Each(ANY)}), dict),
        "history": Each(Each(NUMBER, dict)),
        "cost": Each(NUMBER, dict),
        "environment": Each(ANY, dict),
        "created": TEXT,
        "schema": WHOLE,
    },
    {},
)


def faults_of(record: Any) -> Iterator[str]:
    """What is wrong with a record as it was read from JSON, each fault with its place."""
    yield from (f"{name} is unknown" for name in record if name not in SHAPE.needed)
    found = list(_faults(record, SHAPE, ""))
    yield from found or _contradictions(record)


def _faults(value: Any, shape: Any, place: str) -> Iterator[str]:
    if isinstance(shape, tuple):
        wrong = not isinstance(value, shape) or (isinstance(value, bool) and bool not in shape and object not in shape)
        if (
            wrong
            or (isinstance(value, int) and abs(value) > LARGEST)
            or (isinstance(value, str) and SURROGATE.search(value))
        ):
            yield f"{place} is {_shown(value)}"
    elif isinstance(shape, Each):
        if not isinstance(value, shape.within):
            yield f"{place} is {_shown(value)}"
        elif isinstance(value, dict):
            for key, item in value.items():
                yield from _faults(item, shape.of, f"{place}.{key}")
        else:
            for number, item in enumerate(value):
                yield from _faults(item, shape.of, f"{place}[{number}]")
    elif not isinstance(value, dict):
        yield f"{place} is {_shown(value)}"
    else:
        yield from (f"{_joined(place, name)} is missing" for name in shape.needed if name not in value)
        for name, inner in {**shape.needed, **shape.more}.items():
            if name in value:
                yield from _faults(value[name], inner, _joined(place, name))


def _contradictions(record: Any) -> Iterator[str]:
    classes = len(record["data"].get("label_names", ()))
    unit = record["benchmark"].get("unit", "seed")
    if unit not in get_args(Unit):
        yield f"benchmark.unit is {_shown(unit)}"
    sizes = {name: record["condition"].get(name) for name in ("train_size", "steps")}
    yield from (f"condition.{name} is {size}" for name, size in sizes.items() if size is not None and size < 1)
    for split, columns in record["predictions"].items():
        lengths = {len(column) for column in columns.values() if isinstance(column, list)}
        if len(lengths) > 1:
            yield f"predictions.{split} has lists of different lengths"
        if classes and ("labels" in columns) != ("predictions" in columns):
            yield f"predictions.{split} has only one of labels and predictions"
        for name in ("labels", "predictions") if classes else ():
            if not all(_is_class(value, classes) for value in columns.get(name, ())):
                yield f"predictions.{split}.{name} has values that are no number of a class"


def _is_class(value: Any, classes: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < classes


def _joined(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _shown(value: Any) -> str:
    return (
        f"{type(value).__name__} {str(value)[:30]!r}" if isinstance(value, (str, int, float)) else type(value).__name__
    )
