"""The records of a study as cells: groups of runs that can be compared with one another."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cmploss.records import RunRecord
from cmploss.reports.facts import joined
from cmploss.reports.tables import BASELINES

Key = tuple[tuple[str, object], ...]

# What the runs of a cell share, and how it is said; a cell is named by what tells it from the others.
_AXES: Mapping[str, tuple[Callable[[RunRecord], object], Callable[[Any], str]]] = {
    "task": (lambda run: run.task, str),
    "measure": (lambda run: run.measure, str),
    "size": (lambda run: run.few_shot, lambda size: "all training examples" if size is None else f"{size} examples"),
    "noise": (lambda run: noise_of(run), lambda noise: "no noise" if noise == "none" else f"noise {noise}"),
    "length": (
        lambda run: run.settings.get("training", {}).get("max_steps"),
        lambda steps: f"{steps} steps",
    ),
    "reported_on": (lambda run: run.data.get("reported_on"), lambda part: f"reported on {part}"),
    "selected_on": (lambda run: run.data.get("selected_on"), lambda part: f"selected on {part or 'nothing'}"),
}


@dataclass(frozen=True)
class Group:
    """Runs that differ in objective and seed alone.

    Attributes:
        name: What tells it from the other cells of its study, "" for the only one.
        key: Axis → its value, for every axis along which the study varies.
        records: The runs.
    """

    name: str
    key: Mapping[str, object]
    records: tuple[RunRecord, ...]


def noise_of(record: RunRecord) -> str:
    """The noise in the training examples of a run, as on the command line."""
    return joined([record.settings.get("noise") or "none"])


def groups_of(records: Sequence[RunRecord]) -> list[Group]:
    """Group records into cells: small training samples first, then by noise and by length.

    An axis that follows from those before it (three epochs of more examples are more steps) names nothing.
    """
    values = [{axis: value_of(run) for axis, (value_of, _) in _AXES.items()} for run in records]
    axes: list[str] = []
    for axis in _AXES:
        if len({_key(each, [*axes, axis]) for each in values}) > len({_key(each, axes) for each in values}):
            axes.append(axis)
    groups: dict[Key, list[RunRecord]] = {}
    for run, each in zip(records, values, strict=True):
        groups.setdefault(_key(each, axes), []).append(run)
    return [
        Group(in_key(dict(key)), dict(key), tuple(groups[key]))
        for key in sorted(groups, key=lambda key: [_rank(value) for _, value in key])
    ]


def in_key(key: Mapping[str, object]) -> str:
    """What a cell is, in a few words.

    >>> in_key({"size": 100, "noise": "none"})
    '100 examples · no noise'
    """
    return " · ".join(_AXES[axis][1](value) for axis, value in key.items())


def objectives_of(records: Sequence[RunRecord]) -> list[str]:
    """The objectives of some runs: the baselines first, then the others in the order of their first run."""
    found = dict.fromkeys(run.objective for run in records)
    return [*(name for name in BASELINES if name in found), *(name for name in found if name not in BASELINES)]


def _key(values: Mapping[str, object], axes: Sequence[str]) -> Key:
    return tuple((axis, values[axis]) for axis in axes)


def _rank(value: object) -> tuple[int, float, str]:
    """Numbers in their order, text after "none", and None (all examples) last."""
    if isinstance(value, int | float):
        return 0, value, ""
    return (2, 0, "") if value is None else (1, float(value != "none"), str(value))
