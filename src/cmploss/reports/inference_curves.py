"""How scores change with a setting of inference, the number of paragraphs or the dropout power: from records."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cmploss.experiment import VIOLATION_RATE, RunRecord
from cmploss.reports.series import Series


@dataclass(frozen=True)
class InferenceCurve:
    """A measure of the evaluation split over a setting of inference.

    Attributes:
        title: Heading in reports.
        name: File of its figure, without the ending.
        axis: What the values of the setting are.
        text: What is measured at a value, in a sentence.
        setting: The setting, a key of :attr:`cmploss.experiment.Score.at`.
        measure: What is measured; None for the primary measure.
        label: What that is called; "" for the measure itself.
    """

    title: str
    name: str
    axis: str
    text: str
    setting: str
    measure: str | None = None
    label: str = ""

    def ylabel(self, measure: str) -> str:
        """Name and unit of what is measured, where that is the primary measure."""
        return f"{self.label or measure} (%)"


CONTEXT_SIZE = InferenceCurve(
    title="Context size",
    name="context_size",
    axis="paragraphs per question",
    text="Each question is read with its evidence and the first distractors.",
    setting="context_size",
)
DROPOUT_POWER = InferenceCurve(
    title="Dropout power",
    name="dropout_power",
    axis="dropout power at inference",
    text="The model is scored as its own ablated submodels: power k drops at rate 1 − (1−p)ᵏ, power 0 nothing, and "
    "what a power drops every higher one drops too.",
    setting="dropout_power",
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
INFERENCE_CURVES = (CONTEXT_SIZE, DROPOUT_POWER, VIOLATIONS)


def inference_series(curve: InferenceCurve, records: Sequence[RunRecord], order: Sequence[str]) -> Series:
    """Objective → value of the setting → what every run reached there; {} if no run was scored so."""
    found: dict[str, dict[float, list[float]]] = {}
    for name in order:
        for record in records:
            benchmark = record.benchmark
            for score in record.scores if record.name == name else ():
                measured = score.split, score.measure, list(score.at)
                wanted = benchmark.eval_split, curve.measure or benchmark.measure, [curve.setting]
                if measured == wanted and math.isfinite(score.value):
                    found.setdefault(name, {}).setdefault(score.at[curve.setting], []).append(score.value)
    return found
