"""Series of groups that differ in one thing: the size of the sample, the rate of a noise, or the steps."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cmploss.experiment.condition import NO_NOISE, Group, level_of, names_of, shared_words
from cmploss.reports.series import Series
from cmploss.reports.table import ComparisonTable

_LABELS = {"few_shot": "training examples", "steps": "steps", "back_translation": "temperature of back-translation"}


@dataclass(frozen=True)
class Axis:
    """A series of groups that differ in one thing, and in steps where those follow from it.

    Attributes:
        name: What they differ in: ``few_shot``, ``steps`` or a kind of noise.
        label: The same in words.
        fixed: What they share, in words.
        points: The place and the group at each, ascending.
    """

    name: str
    label: str
    fixed: str
    points: tuple[tuple[float, Group], ...]

    @property
    def title(self) -> str:
        """The axis in words.

        >>> Axis("few_shot", "training examples", "no noise, 50 steps", ()).title
        'By training examples: no noise, 50 steps'
        """
        return f"By {self.label}: {self.fixed}" if self.fixed else f"By {self.label}"


def axes_of(groups: Sequence[Group]) -> list[Axis]:
    """Every series over at least two places along the size of the sample, a kind of noise, or the steps.

    All examples are at the number that they are. The rate 0 of a noise is the group without noise. Back-translation has
    none: no temperature is like not translating.
    """
    names = names_of(list(dict.fromkeys(group.subject for group in groups)))
    return [
        axis
        for subject, name in names.items()
        for axis in _axes([group for group in groups if group.subject == subject], name)
    ]


def axis_series(tables: Mapping[str, ComparisonTable], axis: Axis) -> Series:
    """The scores of every objective along an axis.

    Args:
        tables: Name of a group → its table.
        axis: The axis.
    """
    found: dict[str, dict[float, list[float]]] = {}
    for place, group in axis.points:
        for row in tables[group.name].rows:
            found.setdefault(row.objective, {}).setdefault(place, []).extend(row.scores.values())
    return found


def _axes(groups: Sequence[Group], subject: str) -> Iterable[Axis]:
    samples = {(group.cell.few_shot, group.cell.noise) for group in groups}
    follows = {"steps"} if len(samples) == len(groups) else set()  # three epochs of more examples are more steps
    kinds = dict.fromkeys(level_of(group.cell.noise)[0] for group in groups if group.cell.noise != NO_NOISE)
    for name in ("few_shot", *kinds, "steps"):
        moving = {"noise" if name in kinds else name} | follows
        series: dict[tuple[object, ...], list[tuple[float, Group]]] = {}
        for group in groups:
            place = _place(group, name)
            if place is not None:
                rest = tuple(value for field, value in vars(group.cell).items() if field not in moving)
                series.setdefault(rest, []).append((place, group))
        for members in series.values():
            points = sorted(members, key=lambda member: member[0])
            if points[0][0] < points[-1][0]:
                fixed = [subject, shared_words(group.cell for _, group in points)]
                label = _LABELS.get(name, f"rate of {name} noise")
                yield Axis(name, label, ", ".join(filter(None, fixed)), tuple(points))


def _place(group: Group, axis: str) -> float | None:
    cell = group.cell
    if axis == "few_shot":
        return cell.few_shot or _all_examples(group)
    if axis == "steps":
        return cell.steps
    kind, level = level_of(cell.noise)
    if kind == axis:
        return level
    return 0.0 if kind == NO_NOISE and axis != "back_translation" else None


def _all_examples(group: Group) -> int | None:
    found: int | None = group.records[0].data.get("parts", {}).get("train", {}).get("examples")
    return found
