"""Question 2 of docs/protocol.md: how the gain of the comparative loss depends on one setting at a time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from evidence_records import runs_of
from evidence_tables import NOT_COMPLETE, detectable, is_shown, paired_with_zero, points, tested

from cmploss.experiment.statistics.family import FamilyDifference
from cmploss.reports.formatting import difference_text, markdown_grid

DATA = {"sst2": "SST-2", "mrpc": "MRPC", "banking77": "banking77"}
SEEDS = range(5)
"""The seeds that all settings have."""
Key = tuple[str, str, str]
"""Title of a table, data set and value."""
Gains = Mapping[Key, Mapping[int, float]]


@dataclass(frozen=True)
class Value:
    """A value of a setting: two rows of studies, whose difference is the gain.

    Attributes:
        text: The value.
        one: Ending of the study's name, and the row.
        other: Those of the baseline.
    """

    text: str
    one: tuple[str, str]
    other: tuple[str, str]

    def gains(self, data: str) -> dict[int, float]:
        """Seed → gain in points."""
        one, other = (scores_of(data + ending, row) for ending, row in (self.one, self.other))
        return {seed: one[seed] - other[seed] for seed in SEEDS}


def scores_of(study: str, row: str) -> dict[int, float]:
    """Seed → test score of a row."""
    return {run.seed: run.primary for run in runs_of(study) if run.name == row}


def _sizes(baseline: str) -> list[Value]:
    endings = {"300 (banking77: 616)": "", "100 (308)": "-small", "1,000 (1,540)": "-large"}
    return [Value(text, (ending, "comparative"), (ending, baseline)) for text, ending in endings.items()]


BASE = (("", "comparative"), ("", "supervised"))


def _ablations(base: str, name: str, *values: str) -> list[Value]:
    others = [Value(each, ("-ablation", f"comparative({name}={each})"), BASE[1]) for each in values]
    return [Value(base, *BASE), *others]


def _depths(*values: int) -> list[Value]:
    ends = {each: f" · num_layers={each}" for each in values}
    others = [
        Value(str(of), ("-depth", f"comparative{end}"), ("-depth", f"supervised{end}")) for of, end in ends.items()
    ]
    return [Value("6", *BASE), *others]


AXES: Mapping[str, Mapping[str, list[Value]]] = {
    "Training examples": {
        f"Training examples, `comparative` − `{baseline}`": _sizes(baseline)
        for baseline in ("supervised", "no_dropout", "equal_compute")
    },
    "Passes": {"`n_drop`, `comparative` − `supervised`": _ablations("1", "n_drop", "2", "4")},
    "Target": {"`--target`, `comparative` − `supervised`": _ablations("ultra", "target", "first", "best")},
    "Layers": {"Layers, `comparative` − `supervised`": _depths(4, 2)},
    "Students": {
        "Students of two layers, `distill` − `supervised`": [
            Value("2", ("-distill", "distill"), ("-depth", "supervised · num_layers=2"))
        ]
    },
}
"""Axis → title of a table → the values of a setting, that of question 1 first."""


def setting_tables() -> str:
    """The gain for each value of each setting, and how it differs from that for the first value."""
    shown = {name: is_shown(studies_of(axis)) for name, axis in AXES.items()}
    made = {title: table for name in AXES if shown[name] for title, table in axis_tables(AXES[name]).items()}
    texts = [f"**{title}**\n\n{table}" for title, table in made.items()]
    missing = ", ".join(name.lower() for name in AXES if not shown[name])
    return "\n".join([*texts, f"{NOT_COMPLETE[:-1]} ({missing}).\n"] if missing else texts)


def studies_of(axis: Mapping[str, list[Value]]) -> set[str]:
    """The studies that have the rows of an axis."""
    sources = [source for values in axis.values() for value in values for source in (value.one, value.other)]
    return {data + ending for ending, _ in sources for data in DATA}


def axis_tables(axis: Mapping[str, list[Value]]) -> dict[str, str]:
    """One axis: t intervals over seeds, and tests of the interaction with Holm's correction within the axis."""
    gains = {(title, data, of.text): of.gains(data) for title, values in axis.items() for data in DATA for of in values}
    first = {title: values[0].text for title, values in axis.items()}
    changes = {
        (title, data, text): {seed: gain - gains[title, data, first[title]][seed] for seed, gain in of.items()}
        for (title, data, text), of in gains.items()
        if text != first[title]
    }
    family = paired_with_zero(changes).comparisons
    return {title: markdown_grid([*_lines(title, base, gains, family)]) for title, base in first.items()}


def _lines(title: str, base: str, gains: Gains, family: Mapping[Key, FamilyDifference]) -> Iterable[list[str]]:
    yield ["data set", "value", "gain [95 % CI]", "detectable", f"change from {base} [95 % CI]", "p", "detectable"]
    for key, of in gains.items():
        if key[0] == title:
            alone, change = paired_with_zero({key: of}).comparisons[key], family.get(key)
            interaction = ["–", "–", "–"] if change is None else tested(change, len(family))[1:]
            yield [DATA[key[1]], key[2], difference_text(alone), points(detectable(alone, 1)), *interaction]
