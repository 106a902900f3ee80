"""The figures of a comparison and of a study, from records."""

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
from cmploss.reports.html.charts import (
    Cost,
    Picture,
    Slots,
    cost_chart,
    curve_picture,
    forest_chart,
    paired_chart,
    pareto_edge,
)
from cmploss.reports.table import ComparisonTable

_FULL_MODEL = ("loss_full", "loss_task", "loss")
# title, names in the history of a record (the first one found is used), factor, unit, text
_Logged = tuple[str, tuple[str, ...], float, str, str]
_LOGGED: tuple[_Logged, ...] = (
    ("Training loss", _FULL_MODEL, 1, "loss", "The task loss of the full model, as logged."),
    (
        "Violation rate",
        ("violation_rate",),
        100,
        "violations (%)",
        "Share of training examples on which a submodel has a smaller loss than a less ablated one. The comparative "
        "loss lowers it; other objectives with several passes only report it.",
    ),
)
_LOGARITHMIC = ("train_size", "steps")


def forest_picture(table: ComparisonTable, slots: Slots) -> Picture | None:
    """Every difference from the baseline with its interval, reference rows last; None without a difference."""
    gaps, simple = (
        {row.objective: gap for row in of if (gap := row.difference) and math.isfinite(gap.mean)}
        for of in (table.rows, table.references)
    )
    rows, measure = [*gaps.items(), *simple.items()], table.benchmark.measure
    if not rows:
        return None
    words = "; ".join(f"{name} {difference_text(gap)}" for name, gap in rows)
    chart = forest_chart(
        *(gaps, slots, simple),
        margin=table.margin,
        alt=f"Differences in {measure} from {table.baseline}: {words}",
        xlabel=f"Δ {measure} (points)",
    )
    text = f"{table.about_difference[0].upper()}{table.about_difference[1:]}"
    if table.family.method != "none":
        joint = "simultaneous " if table.family.simultaneous else ""
        text += f" and {joint}95 % interval"
    text += f". Shaded: within {table.margin:g} of {table.baseline}, which counts as the same."
    numbers: list[Sequence[object]] = [("objective", "difference", "low", "high")]
    numbers += [(name, gap.mean, gap.low, gap.high) for name, gap in rows]
    return Picture(f"Difference from {table.baseline}", chart, text, {}, numbers)


def score_pictures(table: ComparisonTable, slots: Slots) -> list[Picture]:
    """Every run, joined by seed, and the mean score against what a run costs."""
    measure, block = table.benchmark.measure, table.block
    scores = {row.objective: row.scores for row in table.rows if math.isfinite(row.mean)}
    if not scores:
        return []
    words = "; ".join(f"{row.objective} {mean_text(row.mean, row.sd, row.n)}" for row in table.rows)
    chart = paired_chart(scores, slots, alt=f"{measure} of every run: {words}", xlabel=f"{measure} (%)", block=block)
    text = f"A dot is a run. A line joins the runs of one {block}, which are paired. A vertical stroke is a mean."
    numbers: list[Sequence[object]] = [("objective", block, measure)]
    numbers += [(name, seed, value) for name, of in scores.items() for seed, value in of.items()]
    return [Picture("Every run", chart, text, {}, numbers), *_cost_picture(table, slots)]


def _cost_picture(table: ComparisonTable, slots: Slots) -> list[Picture]:
    """Score against seconds, or against passes if seconds are unknown; [] if all rows cost the same."""
    known, measure = [row for row in table.rows if math.isfinite(row.mean)], table.benchmark.measure
    costs = {"seconds a run (median)": [row.seconds for row in known], "passes a step": [row.passes for row in known]}
    label = next((name for name, of in costs.items() if len(set(of)) > 1 and all(map(math.isfinite, of))), None)
    if label is None:
        return []
    pairs = zip(known, costs[label], strict=True)
    points = [Cost(row.objective, slots[row.objective], cost, row.mean, row.sd) for row, cost in pairs]
    edge = ", ".join(each.name for each in pareto_edge(points))
    chart = cost_chart(
        points,
        alt=f"{measure} over {label}; on the Pareto edge: {edge}",
        xlabel=label,
        ylabel=f"{measure} (%)",
    )
    text = f"Mean ± standard deviation. On the dashed Pareto edge, no cheaper row has a mean as high: {edge}."
    rows = [("objective", label, measure), *((each.name, each.cost, each.mean) for each in points)]
    return [Picture("Score and cost", chart, text, {each.name: each.slot for each in points}, rows)]


def training_pictures(records: Sequence[RunRecord], order: Sequence[str], slots: Slots) -> list[Picture]:
    """The logs of training: loss of the full model, scores on the validation split, violations.

    Training losses with dropout are higher than those without, so the two kinds are drawn separately.
    """
    found = []
    for title, names, factor, label, text in [*_LOGGED, *_validation(records)]:
        groups = _by_dropout(records, order) if names == _FULL_MODEL else {"": list(order)}
        for kind, members in groups.items():
            curves = {name: curve for name in members if (curve := _logged(records, name, names, factor)).x}
            if any(len(curve.x) > 2 for curve in curves.values()):
                found.append(curve_picture(title + kind, curves, slots, "optimizer step", label, text))
    return found


def inference_pictures(records: Sequence[RunRecord], order: Sequence[str], slots: Slots) -> list[Picture]:
    """Scores over settings of inference that records have: paragraphs per question, dropout powers."""
    found = []
    for curve in INFERENCE_CURVES:
        series = inference_series(curve, records, order)
        if series:
            label, text = curve.ylabel(records[0].benchmark.measure), f"{curve.text} Mean ± one standard deviation."
            drawn = series_curves(series)
            found.append(curve_picture(curve.title, drawn, slots, curve.axis, label, text, places_of(series)))
    return found


def axis_pictures(groups: Sequence[Comparison], tables: Mapping[str, ComparisonTable], slots: Slots) -> list[Picture]:
    """Scores over size, noise, steps and other settings, of comparisons that differ in nothing else."""
    return [picture for axis in axes_of(groups) for picture in _axis_picture(axis, tables, slots)]


def _axis_picture(axis: Axis, tables: Mapping[str, ComparisonTable], slots: Slots) -> list[Picture]:
    """One picture, or none without a score; sizes and steps have a logarithmic axis."""
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


def _by_dropout(records: Sequence[RunRecord], objectives: Sequence[str]) -> dict[str, list[str]]:
    """Objectives whose full model is logged with dropout, and those without."""
    without = {
        run.name
        for run in records
        if "no_dropout" in run.objective["kind"].split("+") or any("loss_full" in point for point in run.history)
    }
    return {
        " with dropout": [name for name in objectives if name not in without],
        " without dropout": [name for name in objectives if name in without],
    }


def _validation(records: Sequence[RunRecord]) -> list[_Logged]:
    measures = dict.fromkeys(
        name
        for run in records
        for point in run.history
        for name in ("eval_loss", f"eval_{run.benchmark.measure}")
        if name in point
    )
    text = "On the validation split during training."
    return [(f"Validation {name[5:]}", (name,), 1, name[5:], text) for name in measures]


def _logged(records: Sequence[RunRecord], objective: str, names: Sequence[str], factor: float) -> Curve:
    """Mean and sd over the runs of an objective at every step that one of them logged."""
    found: dict[float, list[float]] = {}
    for run in records:
        for point in run.history if run.name == objective else []:
            value = next((point[name] for name in names if name in point), math.nan)
            if math.isfinite(value) and math.isfinite(point.get("step", math.nan)):
                found.setdefault(point["step"], []).append(factor * value)
    return curve_of(found)
