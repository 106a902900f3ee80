"""How scores change with a setting of inference, the number of paragraphs or the dropout power: from records."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cmploss.experiment import RunRecord
from cmploss.reports.series import Series

VIOLATION_RATE = "violation_rate"
"""What a record calls the share of violations, in percent, beside the measures of a submodel."""


@dataclass(frozen=True)
class Sweep:
    """One measure of the reported part over the values of a setting of inference.

    Attributes:
        title: Heading in reports.
        name: File of its figure, without the ending.
        axis: What the values are.
        text: What is read at a value, in a sentence.
        suffix: What stands behind the part's name in a record, ``{}`` for the value.
        measure: What is measured; None for the primary measure.
        label: What that is called; "" for the measure itself.
    """

    title: str
    name: str
    axis: str
    text: str
    suffix: str
    measure: str | None = None
    label: str = ""

    def part(self, part: str, value: int) -> str:
        """What a record calls a part that is scored at that value.

        >>> CONTEXT_SIZE.part("test", 4), DROPOUT_POWER.part("test", 2)
        ('test_4_paragraphs', 'test_dropout_power_2')
        """
        return part + self.suffix.format(value)

    def ylabel(self, measure: str) -> str:
        """Name and unit of what is measured, where that is the primary measure."""
        return f"{self.label or measure} (%)"


CONTEXT_SIZE = Sweep(
    title="Context size",
    name="context_size",
    axis="paragraphs per question",
    text="Each question is read with its evidence and the first distractors.",
    suffix="_{}_paragraphs",
)
DROPOUT_POWER = Sweep(
    title="Dropout power",
    name="dropout_power",
    axis="dropout power at inference",
    text="The model is scored as its own ablated submodels: power k drops at rate 1 − (1−p)ᵏ, power 0 nothing, and "
    "what a power drops every higher one drops too.",
    suffix="_dropout_power_{}",
)
VIOLATIONS = replace(
    DROPOUT_POWER,
    title="Violation rate under ablation",
    name="dropout_power_violations",
    text="Share of examples on which the submodel of that power, or of a lower one shown here, has a smaller loss than "
    "the full model.",
    measure=VIOLATION_RATE,
    label="violations",
)
SWEEPS = (CONTEXT_SIZE, DROPOUT_POWER, VIOLATIONS)


def sweep_series(sweep: Sweep, records: Sequence[RunRecord], order: Sequence[str]) -> Series:
    """Objective → value of the setting → what every run reached there; {} where no run was scored so."""
    found: dict[str, dict[float, list[float]]] = {}
    for objective in order:
        for record in records:
            pattern = re.escape(record.data["reported_on"]) + sweep.suffix.format(r"(\d+)")
            for part, scores in record.scores.items():
                match = re.fullmatch(pattern, part)
                if match and record.objective == objective:
                    score = scores[sweep.measure or record.measure]
                    if math.isfinite(score):
                        found.setdefault(objective, {}).setdefault(int(match[1]), []).append(score)
    return found
