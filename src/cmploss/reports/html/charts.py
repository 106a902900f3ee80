"""The pictures of the page, each with its words and its numbers, from records."""

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from markupsafe import Markup

from cmploss.experiment import RunRecord
from cmploss.reports.figures import Curve
from cmploss.reports.formatting import difference_text, mean_text
from cmploss.reports.html.svg import Dots, dots_svg, lines_svg
from cmploss.reports.inference_curves import INFERENCE_CURVES, inference_series
from cmploss.reports.series import curve_of, places_of, series_curves
from cmploss.reports.table import ComparisonTable

Slots = Mapping[str, int]
"""Objective → number of its colour and marker, the same on the whole page."""

_FULL_MODEL = ("loss_full", "loss_task", "loss")
# title, names in the curves of a record (the first that is there counts), factor, unit, text
_Logged = tuple[str, tuple[str, ...], float, str, str]
_LOGGED: tuple[_Logged, ...] = (
    (
        "Training loss",
        _FULL_MODEL,
        1,
        "loss",
        "The task loss of the full model in training, as logged.",
    ),
    (
        "Violation rate",
        ("violation_rate",),
        100,
        "violations (%)",
        "Share of training examples on which an ablated submodel has a smaller loss than a fuller one. The comparative "
        "loss is there to lower it; other objectives with several passes only count it.",
    ),
)


@dataclass(frozen=True)
class Picture:
    """One figure of the page."""

    title: str
    svg: Markup
    text: str
    legend: Slots
    rows: Sequence[Sequence[object]]

    @property
    def csv(self) -> str:
        """The numbers as a ``data:`` address of a CSV file."""
        return csv_address(self.rows)

    @property
    def file_name(self) -> str:
        """A name for that file."""
        return re.sub(r"[^\w.]+", "_", self.title.lower()) + ".csv"


def csv_address(rows: Iterable[Sequence[object]]) -> str:
    """Rows as a ``data:`` address of a CSV file.

    >>> csv_address([["seed", "a,b"], [0, 1.5]])
    'data:text/csv;charset=utf-8,seed%2C%22a%2Cb%22%0D%0A0%2C1.5%0D%0A'
    """
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return f"data:text/csv;charset=utf-8,{quote(text.getvalue())}"


def score_pictures(table: ComparisonTable, slots: Slots) -> list[Picture]:
    """Every run as a dot: the scores, and their differences from the baseline at the same seed."""
    scores = [
        Dots(row.objective, slots[row.objective], row.scores, row.mean, row.mean - row.sd, row.mean + row.sd)
        for row in table.rows
        if math.isfinite(row.mean)
    ]
    if not scores:
        return []
    words = "; ".join(f"{row.objective} {mean_text(row.mean, row.sd, row.n)}" for row in table.rows)
    found = [
        Picture(
            "Every run",
            dots_svg(
                scores, alt=f"{table.benchmark.measure} of every run: {words}", xlabel=f"{table.benchmark.measure} (%)"
            ),
            "One dot a run, a seed at the same height in every row; the stroke is the mean, the line ± one standard "
            "deviation over seeds.",
            {},
            [["objective", "seed", table.benchmark.measure]]
            + [[row.objective, seed, value] for row in table.rows for seed, value in row.scores.items()],
        )
    ]
    (baseline,) = (row.scores for row in table.rows if row.objective == table.baseline)
    paired = [
        (row, row.difference, {seed: row.scores[seed] - baseline[seed] for seed in row.scores.keys() & baseline.keys()})
        for row in table.rows
        if row.difference is not None and math.isfinite(row.difference.mean)
    ]
    if paired:
        dots = [
            Dots(row.objective, slots[row.objective], gaps, gap.mean, gap.low, gap.high) for row, gap, gaps in paired
        ]
        words = "; ".join(f"{row.objective} {difference_text(gap)}" for row, gap, _ in paired)
        joint = ", simultaneous for all rows" if len(paired) > 1 else ""
        alt = f"Differences in {table.benchmark.measure} from {table.baseline}, paired by seed: {words}"
        found.append(
            Picture(
                f"Difference from {table.baseline}",
                dots_svg(dots, alt=alt, xlabel=f"Δ {table.benchmark.measure} (points)", zero=True),
                f"One dot per seed; the stroke is the mean difference, the line its 95 % interval{joint}. The dashed "
                "line is no difference.",
                {},
                [["objective", "seed", f"{table.benchmark.measure} minus {table.baseline}"]]
                + [[row.objective, seed, gaps[seed]] for row, _, gaps in paired for seed in sorted(gaps)],
            )
        )
    return found


def training_pictures(records: Sequence[RunRecord], order: Sequence[str], slots: Slots) -> list[Picture]:
    """What was logged while training: the loss of the full model, scores of the validation part, violations."""
    found = []
    for title, names, factor, label, text in [*_LOGGED, *_validation(records)]:
        curves = {name: curve for name in order if (curve := _logged(records, name, names, factor)).x}
        if any(len(curve.x) > 1 for curve in curves.values()):
            words = f"{text} {_dropout_words(records, list(curves))}" if names == _FULL_MODEL else text
            found.append(curve_picture(title, curves, slots, "optimizer step", label, words))
    return found


def _dropout_words(records: Sequence[RunRecord], objectives: Sequence[str]) -> str:
    """Say whose full model is logged without dropout; a loss with dropout is higher and not to be compared with it."""
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


def inference_pictures(records: Sequence[RunRecord], order: Sequence[str], slots: Slots) -> list[Picture]:
    """Scores over settings of inference, where the records have them: paragraphs per question, dropout powers."""
    found = []
    for sweep in INFERENCE_CURVES:
        series = inference_series(sweep, records, order)
        if series:
            label, text = sweep.ylabel(records[0].benchmark.measure), f"{sweep.text} Mean ± one standard deviation."
            curves = series_curves(series)
            found.append(curve_picture(sweep.title, curves, slots, sweep.axis, label, text, places_of(series)))
    return found


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


def curve_picture(
    title: str,
    curves: Mapping[str, Curve],
    slots: Slots,
    xlabel: str,
    ylabel: str,
    text: str,
    xticks: Mapping[float, str] | None = None,
) -> Picture:
    """A picture of curves, in words and numbers as well."""
    ends = "; ".join(f"{name} from {curve.y[0]:.3g} to {curve.y[-1]:.3g}" for name, curve in curves.items())
    svg = lines_svg(curves, slots, alt=f"{title} over {xlabel}: {ends}", xlabel=xlabel, ylabel=ylabel, xticks=xticks)
    rows: list[Sequence[object]] = [["objective", xlabel, ylabel, "sd"]]
    for name, curve in curves.items():
        sds: Sequence[object] = curve.sd or [""] * len(curve.x)
        rows += [[name, x, y, sd] for x, y, sd in zip(curve.x, curve.y, sds, strict=True)]
    return Picture(title, svg, text, {name: slots[name] for name in curves}, rows)
