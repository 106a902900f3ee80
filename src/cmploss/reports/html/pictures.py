"""The pictures of a comparison and of a study, from records."""

import math
from collections.abc import Mapping, Sequence

from cmploss.experiment import RunRecord
from cmploss.experiment.grouping import Comparison
from cmploss.reports.axes import Axis, axes_of, axis_series
from cmploss.reports.curves import (
    INFERENCE_CURVES,
    Curve,
    curve_of,
    inference_series,
    mean_sd_n,
    places_of,
    series_curves,
)
from cmploss.reports.formatting import difference_text, mean_text
from cmploss.reports.html.charts import Dots, Picture, Slots, curve_picture, dots_chart
from cmploss.reports.table import ComparisonTable

_FULL_MODEL = ("loss_full", "loss_task", "loss")
# title, names in the history of a record (the first that is there counts), factor, unit, text
_Logged = tuple[str, tuple[str, ...], float, str, str]
_LOGGED: tuple[_Logged, ...] = (
    ("Training loss", _FULL_MODEL, 1, "loss", "The task loss of the full model in training, as logged."),
    (
        "Violation rate",
        ("violation_rate",),
        100,
        "violations (%)",
        "Share of training examples on which an ablated submodel has a smaller loss than a fuller one. The comparative "
        "loss is there to lower it; other objectives with several passes only count it.",
    ),
)
_LOGARITHMIC = ("train_size", "steps")


def score_pictures(table: ComparisonTable, slots: Slots) -> list[Picture]:
    """Every run as a dot: the scores, and their differences from the baseline at the same seed."""
    measure, baseline, block = table.benchmark.measure, table.baseline, table.block
    scores = [
        Dots(row.objective, slots[row.objective], row.scores, row.mean, row.mean - row.sd, row.mean + row.sd)
        for row in table.rows
        if math.isfinite(row.mean)
    ]
    if not scores:
        return []
    words = "; ".join(f"{row.objective} {mean_text(row.mean, row.sd, row.n)}" for row in table.rows)
    chart = dots_chart(scores, alt=f"{measure} of every run: {words}", xlabel=f"{measure} (%)", block=block)
    text = (
        f"One dot a run, a {block} at the same height in every row; the stroke is the mean, the line ± one standard "
        f"deviation over {block}s."
    )
    found = [Picture("Every run", chart, text, {}, _rows(scores, block, measure))]
    base = next(row.scores for row in table.rows if row.objective == baseline)
    differences: list[Dots] = []
    gains: list[str] = []
    for row in table.rows:
        gap = row.difference
        if gap is not None and math.isfinite(gap.mean):
            gaps = {seed: score - base[seed] for seed, score in row.scores.items() if seed in base}
            differences.append(Dots(row.objective, slots[row.objective], gaps, gap.mean, gap.low, gap.high))
            gains.append(f"{row.objective} {difference_text(gap)}")
    if differences:
        alt = f"Differences in {measure} from {baseline}, paired by {block}: {'; '.join(gains)}"
        chart = dots_chart(differences, alt=alt, xlabel=f"Δ {measure} (points)", block=block, zero=True)
        joint = ", simultaneous for all rows" if len(differences) > 1 else ""
        text = (
            f"One dot per {block}; the stroke is the mean difference, the line its 95 % interval{joint}. The dashed "
            "line is no difference."
        )
        rows = _rows(differences, block, f"{measure} minus {baseline}")
        found.append(Picture(f"Difference from {baseline}", chart, text, {}, rows))
    return found


def training_pictures(records: Sequence[RunRecord], order: Sequence[str], slots: Slots) -> list[Picture]:
    """What was logged in training: the loss of the full model, scores of the validation split, violations."""
    found = []
    for title, names, factor, label, text in [*_LOGGED, *_validation(records)]:
        curves = {name: curve for name in order if (curve := _logged(records, name, names, factor)).x}
        if any(len(curve.x) > 1 for curve in curves.values()):
            words = f"{text} {_dropout_words(records, list(curves))}" if names == _FULL_MODEL else text
            found.append(curve_picture(title, curves, slots, "optimizer step", label, words))
    return found


def inference_pictures(records: Sequence[RunRecord], order: Sequence[str], slots: Slots) -> list[Picture]:
    """Scores over settings of inference, where the records have them: paragraphs per question, dropout powers."""
    found = []
    for curve in INFERENCE_CURVES:
        series = inference_series(curve, records, order)
        if series:
            label, text = curve.ylabel(records[0].benchmark.measure), f"{curve.text} Mean ± one standard deviation."
            drawn = series_curves(series)
            found.append(curve_picture(curve.title, drawn, slots, curve.axis, label, text, places_of(series)))
    return found


def axis_pictures(groups: Sequence[Comparison], tables: Mapping[str, ComparisonTable], slots: Slots) -> list[Picture]:
    """Scores over size, noise, steps and other settings, for the groups that differ in nothing else."""
    return [picture for axis in axes_of(groups) for picture in _axis_picture(axis, tables, slots)]


def _axis_picture(axis: Axis, tables: Mapping[str, ComparisonTable], slots: Slots) -> list[Picture]:
    """One picture, or none without a score; sizes and lengths are drawn by their logarithm."""
    series = axis_series(tables, axis)
    at = math.log if axis.name in _LOGARITHMIC else float
    known = {
        objective: {at(place): scores for place, scores in of.items() if all(map(math.isfinite, scores))}
        for objective, of in series.items()
    }
    curves = {objective: curve for objective, curve in series_curves(known).items() if curve.x}
    if not curves:
        return []
    text = "Mean ± one standard deviation over seeds, objectives side by side."
    if axis.name in _LOGARITHMIC:
        text += " The axis is logarithmic."
    names = places_of(series)
    rows: list[Sequence[object]] = [("objective", axis.label, "mean", "sd", "runs")]
    rows += [(name, names[place], *mean_sd_n(of[place])) for name, of in series.items() for place in of]
    ticks = {at(place): words for place, words in names.items()}
    label = f"{axis.points[0][1].benchmark.measure} (%)"
    return [curve_picture(axis.title, curves, slots, axis.label, label, text, ticks, rows)]


def _rows(dots: Sequence[Dots], block: str, value: str) -> list[Sequence[object]]:
    return [("objective", block, value), *((row.name, seed, v) for row in dots for seed, v in row.values.items())]


def _dropout_words(records: Sequence[RunRecord], objectives: Sequence[str]) -> str:
    """Which full models are logged without dropout; a loss with dropout is higher, so the two are not comparable."""
    without = {
        run.name
        for run in records
        if "no_dropout" in run.objective["kind"].split("+") or any("loss_full" in point for point in run.history)
    }
    groups = {
        "with dropout": [name for name in objectives if name not in without],
        "without dropout": [name for name in objectives if name in without],
    }
    words = "; ".join(f"{how}: {', '.join(names)}" for how, names in groups.items() if names)
    return f"{words[0].upper()}{words[1:]}." + (" The two are not comparable." if all(groups.values()) else "")


def _validation(records: Sequence[RunRecord]) -> list[_Logged]:
    measures = dict.fromkeys(
        name
        for run in records
        for point in run.history
        for name in ("eval_loss", f"eval_{run.benchmark.measure}")
        if name in point
    )
    text = "On the validation part while training."
    return [(f"Validation {name[5:]}", (name,), 1, name[5:], text) for name in measures]


def _logged(records: Sequence[RunRecord], objective: str, names: Sequence[str], factor: float) -> Curve:
    """Mean and sd over the runs of an objective at every step that one of them logged."""
    found: dict[float, list[float]] = {}
    for run in records:
        for point in run.history if run.name == objective else []:
            value = next((point[name] for name in names if name in point), math.nan)
            if math.isfinite(value):
                found.setdefault(point["step"], []).append(factor * value)
    return curve_of(found)
