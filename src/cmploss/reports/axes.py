"""Axes: comparisons that differ in one setting, such as sample size, rate of a noise, or steps."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cmploss.experiment.condition import Noise
from cmploss.experiment.grouping import Comparison, names_of, shared_words
from cmploss.reports.curves import Series
from cmploss.reports.table import ComparisonTable

_LABELS = {"train_size": "training examples", "steps": "steps", "back_translation": "temperature of back-translation"}


@dataclass(frozen=True)
class Axis:
    """Comparisons that differ in one setting, and in steps if the steps follow from it.

    Attributes:
        name: The setting: ``train_size``, ``steps``, a kind of noise, or another one.
        label: The setting in words.
        fixed: The settings that all share, in words.
        points: Each value with its comparison, ascending.
    """

    name: str
    label: str
    fixed: str
    points: tuple[tuple[float, Comparison], ...]

    @property
    def title(self) -> str:
        """The axis in words.

        >>> Axis("train_size", "training examples", "no noise, 50 steps", ()).title
        'By training examples: no noise, 50 steps'
        """
        return f"By {self.label}: {self.fixed}" if self.fixed else f"By {self.label}"


def axes_of(groups: Sequence[Comparison]) -> list[Axis]:
    """Every axis with at least two values: size of the sample, a kind of noise, steps, or another setting.

    The value of "all examples" is their number. Rate 0 of a noise is the comparison without noise. Back-translation has
    no such value: no temperature is equal to no translation.
    """
    names = names_of(list(dict.fromkeys(group.benchmark for group in groups)))
    return [
        axis
        for subject, name in names.items()
        for axis in _axes([group for group in groups if group.benchmark == subject], name)
    ]


def axis_series(tables: Mapping[str, ComparisonTable], axis: Axis) -> Series:
    """The scores of every objective along an axis."""
    found: dict[str, dict[float, list[float]]] = {}
    for place, group in axis.points:
        for row in tables[group.name].rows:
            found.setdefault(row.objective, {}).setdefault(place, []).extend(row.scores.values())
    return found


def _axes(groups: Sequence[Comparison], subject: str) -> Iterable[Axis]:
    samples = {(group.condition.train_size, group.condition.noise) for group in groups}
    follows = {"steps"} if len(samples) == len(groups) else set()  # three epochs of more examples are more steps
    kinds = dict.fromkeys(group.condition.noise.kind for group in groups if group.condition.noise != Noise())
    others = dict.fromkeys(name for group in groups for name in group.condition.others)
    for name in ("train_size", *kinds, "steps", *others):
        moving = {"noise" if name in kinds else name} | follows
        series: dict[tuple[object, ...], list[tuple[float, Comparison]]] = {}
        for group in groups:
            place = _place(group, name)
            if place is not None:
                settings = vars(group.condition) | {"others": None, **group.condition.others}
                rest = tuple(str(value) for field, value in settings.items() if field not in moving)
                series.setdefault(rest, []).append((place, group))
        for members in series.values():
            points = sorted(members, key=lambda member: member[0])
            if points[0][0] < points[-1][0]:
                fixed = [subject, shared_words(group.condition for _, group in points)]
                label = name if name in others else _LABELS.get(name, f"rate of {name} noise")
                yield Axis(name, label, ", ".join(filter(None, fixed)), tuple(points))


def _place(group: Comparison, axis: str) -> float | None:
    condition = group.condition
    if axis == "train_size":
        return condition.train_size or group.records[0].split("train").get("examples")
    if axis == "steps":
        return condition.steps
    if axis in condition.others:
        return float(condition.others[axis])
    if condition.noise.kind == axis:
        return condition.noise.level
    return 0.0 if condition.noise == Noise() and axis != "back_translation" else None
