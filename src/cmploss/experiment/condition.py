"""Which runs are compared with one another: those of one subject that differ in objective and seed alone."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from cmploss.errors import UserError
from cmploss.experiment import RunRecord

NO_NOISE = "none"


@dataclass(frozen=True)
class Subject:
    """What runs must share to be compared at all, whatever they were trained on.

    Attributes:
        task: Name of the task.
        measure: The primary measure.
        reported_on: The part of the data that the scores are about.
        selected_on: The part that chose the best checkpoint or run, None without a choice.
    """

    task: str
    measure: str
    reported_on: str | None
    selected_on: str | None

    @property
    def words(self) -> dict[str, str]:
        """Each of them in words."""
        return {
            "task": self.task,
            "measure": self.measure,
            "reported_on": f"reported on {self.reported_on}",
            "selected_on": f"selected on {self.selected_on or 'nothing'}",
        }


@dataclass(frozen=True)
class Cell:
    """What the runs of one comparison share.

    Attributes:
        few_shot: Size of the training samples, None for all examples.
        noise: Noise in them, as on the command line: ``label:0.2``, or ``none``.
        steps: Optimizer steps of a run, None where they are not known or not the same for every seed.
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
        return shared_words([self])

    @property
    def words(self) -> dict[str, str]:
        """Each of them in words, "" for unknown steps."""
        size = "all" if self.few_shot is None else str(self.few_shot)
        return {
            "few_shot": f"{size} training examples",
            "noise": "no noise" if self.noise == NO_NOISE else f"noise {self.noise}",
            "steps": f"{self.steps} steps" if self.steps else "",
        }


Named = TypeVar("Named", Subject, Cell)


@dataclass(frozen=True)
class Group:
    """Runs that are compared with one another.

    Attributes:
        name: What tells it from the other groups, "" for the only one.
        subject: What the runs are about.
        cell: What they were trained on.
        records: The runs.
    """

    name: str
    subject: Subject
    cell: Cell
    records: tuple[RunRecord, ...]


def subject_of(record: RunRecord) -> Subject:
    """The subject of a run."""
    return Subject(record.task, record.measure, record.data.get("reported_on"), record.data.get("selected_on"))


def cell_of(record: RunRecord) -> Cell:
    """The cell that a run belongs to."""
    settings = record.settings
    steps = settings.get("training", {}).get("max_steps")
    return Cell(record.few_shot, settings.get("noise") or NO_NOISE, steps)


def level_of(noise: str) -> tuple[str, float]:
    """Kind and level of a noise.

    >>> level_of("label:0.2"), level_of("none")
    (('label', 0.2), ('none', 0.0))
    """
    kind, _, level = noise.partition(":")
    return kind, float(level or 0)


def groups_of(records: Iterable[RunRecord]) -> list[Group]:
    """Put runs into groups: by subject, then small samples first, without noise first, short training first.

    Steps tell groups of a subject apart only where runs on one sample differ in them. Otherwise they follow: three
    epochs of more examples are more steps, and texts of one sample may be longer than those of another.
    """
    subjects: dict[Subject, list[RunRecord]] = {}
    for record in records:
        subjects.setdefault(subject_of(record), []).append(record)
    found: dict[tuple[Subject, Cell], list[RunRecord]] = {}
    for subject, runs in subjects.items():
        lengths_differ = _lengths_differ(runs)
        members: dict[Cell, list[RunRecord]] = {}
        for run in runs:
            cell = cell_of(run)
            members.setdefault(cell if lengths_differ else replace(cell, steps=None), []).append(run)
        for cell, of in members.items():
            lengths = {cell_of(run).steps for run in of}
            found[subject, replace(cell, steps=lengths.pop() if len(lengths) == 1 else None)] = of
    keys = sorted(found, key=_rank)
    names = _names([subject.words | cell.words for subject, cell in keys])
    return [Group(name, *key, tuple(found[key])) for name, key in zip(names, keys, strict=True)]


def names_of(things: Sequence[Named]) -> dict[Named, str]:
    """What tells each cell, or each subject, from the others, in words; "" for the only one.

    >>> list(names_of([Cell(20, steps=50), Cell(100, steps=50)]).values())
    ['20 training examples', '100 training examples']
    """
    return dict(zip(things, _names([thing.words for thing in things]), strict=True))


def shared_words(cells: Iterable[Cell]) -> str:
    """What some cells have in common, in words.

    >>> shared_words([Cell(20, steps=50), Cell(100, steps=50)])
    'no noise, 50 steps'
    """
    first, *others = (cell.words for cell in cells)
    return ", ".join(words for field, words in first.items() if words and all(words == of[field] for of in others))


def one_subject(records: Sequence[RunRecord]) -> Subject:
    """The subject that all runs share.

    Raises:
        UserError: There are no records, or they differ in task, measure, reported_on or selected_on.
    """
    if not records:
        raise UserError("no records to compare; give the folder of finished runs")
    _check_equal([vars(subject_of(record)) for record in records])
    return subject_of(records[0])


def check_comparable(records: Sequence[RunRecord]) -> None:
    """Refuse runs that no table can compare.

    Raises:
        UserError: No records, or some that differ in subject, few_shot, noise or, at one seed, in their steps or the
            examples that they are scored on.
    """
    reported = one_subject(records).reported_on
    _check_equal([vars(replace(cell_of(record), steps=None)) for record in records])
    examples: dict[int, object] = {}
    steps: dict[int, object] = {}
    for record in records:
        taken = cell_of(record).steps
        if steps.setdefault(record.seed, taken) != taken:
            raise UserError(
                f"the records of seed {record.seed} differ in steps: {steps[record.seed]}, {taken}; "
                "compare those of one number at a time"
            )
        part = record.data.get("parts", {}).get(reported, {})
        if examples.setdefault(record.seed, part.get("sha256")) != part.get("sha256"):
            raise UserError(
                f"the records of seed {record.seed} differ in the examples of {reported}; "
                "compare runs that are scored on the same examples"
            )


def _check_equal(facts: Sequence[Mapping[str, object]]) -> None:
    for name in facts[0]:
        values = {of[name] for of in facts}
        if len(values) > 1:
            listed = ", ".join(sorted(map(repr, values)))
            raise UserError(f"the records differ in {name}: {listed}; compare those of one {name} at a time")


def _lengths_differ(runs: Sequence[RunRecord]) -> bool:
    """Whether some runs on the same sample differ in steps; all seeds have the same, where it is all examples."""
    trainings = {(run.seed if run.few_shot else None, cell_of(run)) for run in runs}
    return len(trainings) > len({(seed, replace(cell, steps=None)) for seed, cell in trainings})


def _rank(key: tuple[Subject, Cell]) -> tuple[object, ...]:
    subject, cell = key
    size = math.inf if cell.few_shot is None else cell.few_shot
    names = [str(value or "") for value in vars(subject).values()]
    return *names, size, cell.noise != NO_NOISE, *level_of(cell.noise), cell.steps or 0


def _names(rows: Sequence[Mapping[str, str]]) -> list[str]:
    """A name for each row: its words for every field that does not follow from the fields before it."""

    def different(fields: Sequence[str]) -> int:
        return len({tuple(row[field] for field in fields) for row in rows})

    telling: list[str] = []
    for field in rows[0] if rows else ():
        if different([*telling, field]) > different(telling):
            telling.append(field)
    return [", ".join(row[field] or f"no fixed {field}" for field in telling) for row in rows]
