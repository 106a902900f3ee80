"""Curves: scores of objectives along an axis or over a setting of inference, with their table, colours and markers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from cmploss.experiment import VIOLATION_RATE, RunRecord
from cmploss.experiment.statistics import mean_sd
from cmploss.reports.formatting import escape, markdown_grid, mean_text

# Okabe and Ito 2008: distinguishable with all common kinds of colour vision; each also has its own marker.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8a6d00")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")

Series = Mapping[str, Mapping[float, Sequence[float]]]
"""Objective → value on the axis → the scores of the runs."""


@dataclass(frozen=True)
class Curve:
    """Values over an axis, with or without standard deviations.

    Attributes:
        x: Values on the axis ``(points,)``.
        y: Values ``(points,)``.
        sd: Standard deviations ``(points,)``, or ().
    """

    x: Sequence[float]
    y: Sequence[float]
    sd: Sequence[float] = ()


@dataclass(frozen=True)
class InferenceCurve:
    """A measure of the evaluation split over a setting of inference.

    Attributes:
        title: Heading in reports.
        name: File of its figure, without the ending.
        axis: What the values of the setting are.
        text: How the model is scored, in a sentence.
        setting: The setting, a key of :attr:`cmploss.experiment.Score.at`.
        measure: What is measured; None for the primary measure.
        label: Name of the measure in figures; "" for its own name.
    """

    title: str
    name: str
    axis: str
    text: str
    setting: str
    measure: str | None = None
    label: str = ""

    def ylabel(self, measure: str) -> str:
        """Name and unit of the measure; ``measure`` is the primary one."""
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
    text="The submodels of the trained model: dropout power k has the rate 1 − (1−p)ᵏ, and power 0 is the full model. "
    "A higher power drops all units that a lower power drops.",
    setting="dropout_power",
)
DISTRACTORS = InferenceCurve(
    title="Distractors",
    name="distractors",
    axis="distractors per question",
    text="Each question is read with its evidence and its first distractors.",
    setting="distractors",
)
CHANGED = replace(
    DISTRACTORS,
    title="Answers changed by distractors",
    name="distractors_changed",
    text="Share of questions whose answer differs from the answer with the fewest distractors.",
    measure="answers_changed",
    label="answers changed",
)
LIKELIHOOD = replace(
    DISTRACTORS,
    title="Likelihood of the answer over distractors",
    name="distractors_likelihood",
    text="The geometric mean of the probabilities of the right answer's tokens, averaged over questions. It also shows "
    "differences that are too small to change an answer.",
    measure="likelihood",
    label="likelihood",
)
VIOLATIONS = replace(
    DROPOUT_POWER,
    title="Violation rate under ablation",
    name="dropout_power_violations",
    text="Share of examples on which the submodel of this power, or of a lower power in the figure, has a smaller loss "
    "than the full model.",
    measure=VIOLATION_RATE,
    label="violations",
)
DEPTH = InferenceCurve(
    title="Layers",
    name="layers",
    axis="layers at inference",
    text="The trained model with its lowest layers alone, followed by its own pooling and head.",
    setting="layers",
)
INFERENCE_CURVES = (CONTEXT_SIZE, DISTRACTORS, LIKELIHOOD, CHANGED, DROPOUT_POWER, VIOLATIONS, DEPTH)


def style_of(number: int) -> tuple[str, str]:
    """Colour and marker by number; the first 64 pairs differ.

    >>> style_of(0), style_of(8)
    (('#0072B2', 'o'), ('#0072B2', 's'))
    """
    return COLOURS[number % len(COLOURS)], MARKERS[(number + number // len(COLOURS)) % len(MARKERS)]


def inference_series(curve: InferenceCurve, records: Sequence[RunRecord], order: Sequence[str]) -> Series:
    """Objective → value of the setting → scores of the runs; {} if no run has such scores."""
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


def places_of(series: Series) -> dict[float, str]:
    """The values on the axis, ascending, and the text of each.

    >>> places_of({"supervised": {2000000: [60.0]}, "comparative": {0.5: [50.0], 2000000: [61.0]}})
    {0.5: '0.5', 2000000: '2000000'}
    """
    return {place: f"{place:.12g}" for place in sorted({place for of in series.values() for place in of})}


def series_grid(series: Series) -> str:
    """A table in Markdown: objectives × values on the axis, mean ± sd (runs)."""
    names = places_of(series)
    lines = [["objective", *map(escape, names.values())]]
    for objective, scores in series.items():
        lines.append([escape(objective), *(mean_text(*mean_sd_n(scores.get(place, []))) for place in names)])
    return markdown_grid(lines)


def series_curves(series: Series) -> dict[str, Curve]:
    """A curve per objective."""
    return {objective: curve_of(scores) for objective, scores in series.items()}


def curve_of(scores: Mapping[float, Sequence[float]]) -> Curve:
    """The mean over the runs at each value; with standard deviations if every value has several runs."""
    places = sorted(place for place in scores if scores[place])
    found = [mean_sd_n(scores[place]) for place in places]
    several = all(n > 1 for _, _, n in found)
    return Curve(places, [mean for mean, _, _ in found], [sd for _, sd, _ in found] if several else ())


def mean_sd_n(scores: Sequence[float]) -> tuple[float, float, int]:
    """Mean, standard deviation and number of some scores."""
    return (*mean_sd(scores), len(scores))
