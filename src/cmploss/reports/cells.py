"""The cells of a grid: runs that differ in objective and seed alone, and series of cells that differ in one thing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from cmploss.records import RunRecord

NO_NOISE = "none"
_FIELDS = {"few_shot": "few_shot", "steps": "steps"}  # of a cell, by axis; every other axis is a kind of noise
_LABELS = {"few_shot": "training examples", "steps": "steps", "back_translation": "temperature of back-translation"}


@dataclass(frozen=True)
class Cell:
    """What the runs of one comparison share.

    Attributes:
        few_shot: Size of the training samples, None for all examples.
        noise: Noise in them, as on the command line: ``label:0.2``, or ``none``.
        steps: Optimizer steps of a run, None where they are not known.
    """

    few_shot: int | None = None
    noise: str = NO_NOISE
    steps: int | None = None

    @property
    def title(self) -> str:
        """The cell in words.

        >>> Cell(100, "label:0.2", 50).title
        '100 training examples, noise label:0.2, 50 steps'
        """
        return ", ".join(_words(self).values())


@dataclass(frozen=True)
class Axis:
    """A series of cells that differ in one thing alone.

    Attributes:
        name: What they differ in: ``few_shot``, ``steps`` or a kind of noise.
        label: The same in words.
        fixed: What they share, in words.
        points: The value and the cell at each place, ascending.
    """

    name: str
    label: str
    fixed: str
    points: tuple[tuple[float, Cell], ...]


def cell_of(record: RunRecord) -> Cell:
    """The cell that a run belongs to."""
    settings = record.settings
    steps = settings.get("training", {}).get("max_steps")
    return Cell(record.few_shot, settings.get("noise", NO_NOISE), steps)


def by_cell(records: Sequence[RunRecord]) -> dict[Cell, list[RunRecord]]:
    """Records in their cells; cells in the order of their first record."""
    found: dict[Cell, list[RunRecord]] = {}
    for record in records:
        found.setdefault(cell_of(record), []).append(record)
    return found


def axes_of(cells: Iterable[Cell]) -> list[Axis]:
    """Every series of at least two cells along the size of the sample, a kind of noise, or the steps.

    The rate 0 of a noise is the cell without noise. Back-translation has none: no temperature is like not translating.

    >>> [axis.name for axis in axes_of([Cell(20), Cell(100), Cell(100, "label:0.2"), Cell(100, "label:0.4")])]
    ['few_shot', 'label']
    """
    cells = list(dict.fromkeys(cells))
    kinds = dict.fromkeys(cell.noise.partition(":")[0] for cell in cells if cell.noise != NO_NOISE)
    found = []
    for name in ("few_shot", *kinds, "steps"):
        groups: dict[Cell, list[tuple[float, Cell]]] = {}
        for cell in cells:
            place = _place(cell, name)
            if place is not None:
                groups.setdefault(_rest(cell, name), []).append((place, cell))
        for members in groups.values():
            if len(members) > 1:
                points = tuple(sorted(members, key=lambda member: member[0]))
                words = [text for field, text in _words(points[0][1]).items() if field != _FIELDS.get(name, "noise")]
                found.append(Axis(name, _LABELS.get(name, f"rate of noise: {name}"), ", ".join(words), points))
    return found


def _place(cell: Cell, axis: str) -> float | None:
    if axis in _FIELDS:
        value: int | None = getattr(cell, axis)
        return value
    kind, _, level = cell.noise.partition(":")
    if kind == axis:
        return float(level)
    return 0.0 if cell.noise == NO_NOISE and axis != "back_translation" else None


def _rest(cell: Cell, axis: str) -> Cell:
    if axis == "few_shot":
        return replace(cell, few_shot=None)
    return replace(cell, steps=None) if axis == "steps" else replace(cell, noise=NO_NOISE)


def _words(cell: Cell) -> dict[str, str]:
    size = "all" if cell.few_shot is None else str(cell.few_shot)
    return {
        "few_shot": f"{size} training examples",
        "noise": "no noise" if cell.noise == NO_NOISE else f"noise {cell.noise}",
        **({"steps": f"{cell.steps} steps"} if cell.steps else {}),
    }
