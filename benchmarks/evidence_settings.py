"""Question 2 of docs/protocol.md: how the gain of the comparative loss depends on one setting at a time."""

from collections.abc import Mapping
from dataclasses import dataclass

from evidence_records import is_complete, records_of

from cmploss.experiment.statistics.family import FamilyDifference, compare_with_baseline
from cmploss.experiment.statistics.paired_tests import holm
from cmploss.reports.formatting import difference_text, markdown_grid, p_text

DATA = {"sst2": "SST-2", "mrpc": "MRPC", "banking77": "banking77"}
SEEDS = range(5)
"""The seeds that all settings have."""


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
    return {run.seed: run.primary for run in records_of(study) if run.name == row}


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


AXES: Mapping[str, list[Value]] = {
    "Training examples, `comparative` − `supervised`": _sizes("supervised"),
    "Training examples, `comparative` − `no_dropout`": _sizes("no_dropout"),
    "Training examples, `comparative` − `equal_compute`": _sizes("equal_compute"),
    "`n_drop`, `comparative` − `supervised`": _ablations("1", "n_drop", "2", "4"),
    "`--target`, `comparative` − `supervised`": _ablations("ultra", "target", "first", "best"),
    "Layers, `comparative` − `supervised`": _depths(4, 2),
    "Students of two layers, `distill` − `supervised`": [
        Value("2", ("-distill", "distill"), ("-depth", "supervised · num_layers=2"))
    ],
}
"""Title → the values of a setting, that of question 1 first."""


def setting_tables() -> str:
    """The gain for each value of each setting, and how it differs from that for the first value; "" before the end."""
    needed = {
        data + ending for axis in AXES.values() for of in axis for ending, _ in (of.one, of.other) for data in DATA
    }
    return (
        "\n".join(f"**{title}**\n\n{axis_table(axis)}" for title, axis in AXES.items()) if is_complete(needed) else ""
    )


def axis_table(axis: list[Value]) -> str:
    """One setting: t intervals over seeds, and tests of the interaction with Holm's correction within the setting."""
    base = axis[0]
    gains = {(data, value.text): value.gains(data) for data in DATA for value in axis}
    changes = {key: change(of, gains[key[0], base.text]) for key, of in gains.items() if key[1] != base.text}
    corrected = dict(zip(changes, holm([found.p for found in changes.values()]), strict=True))
    lines = [["data set", "value", "gain [95 % CI]", f"change from {base.text}", "p"]]
    for (data, text), of in gains.items():
        key, alone = (data, text), change(of, dict.fromkeys(of, 0.0))
        interaction = [difference_text(changes[key]), p_text(corrected[key])] if key in changes else ["–", "–"]
        lines.append([DATA[data], text, difference_text(alone), *interaction])
    return markdown_grid(lines)


def change(one: Mapping[int, float], other: Mapping[int, float]) -> FamilyDifference:
    """The mean paired difference over seeds with its t interval."""
    return compare_with_baseline({"one": one, "other": other}, "other", pooled=False).comparisons["one"]
