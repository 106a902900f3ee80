"""Pictures of scores over the size, the noise and the length of training, where a study varies them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from cmploss.experiment.grouping import Comparison
from cmploss.reports.axes import Axis, axes_of, axis_series
from cmploss.reports.html.charts import Picture, Slots, curve_picture
from cmploss.reports.series import mean_sd_n, places_of, series_curves
from cmploss.reports.table import ComparisonTable

_LOGARITHMIC = ("train_size", "steps")


def axis_pictures(groups: Sequence[Comparison], tables: Mapping[str, ComparisonTable], slots: Slots) -> list[Picture]:
    """Scores over size, noise and length, for the groups that differ in nothing else."""
    return [picture for axis in axes_of(groups) for picture in _pictures(axis, tables, slots)]


def _pictures(axis: Axis, tables: Mapping[str, ComparisonTable], slots: Slots) -> list[Picture]:
    """One, or none where no score is known; sizes and lengths are drawn by their logarithm."""
    series = axis_series(tables, axis)
    at = math.log if axis.name in _LOGARITHMIC else float
    known = {
        objective: {at(place): scores for place, scores in of.items() if all(map(math.isfinite, scores))}
        for objective, of in series.items()
    }
    curves = {objective: curve for objective, curve in series_curves(known).items() if curve.x}
    if not curves:
        return []
    measure = axis.points[0][1].benchmark.measure
    text = "Mean ± one standard deviation over seeds, objectives side by side."
    if axis.name in _LOGARITHMIC:
        text += " The axis is logarithmic."
    names = places_of(series)
    ticks = {at(place): words for place, words in names.items()}
    picture = curve_picture(axis.title, curves, slots, axis.label, f"{measure} (%)", text, ticks)
    header = [["objective", axis.label, "mean", "sd", "runs"]]
    rows = [[name, names[place], *mean_sd_n(of[place])] for name, of in series.items() for place in of]
    return [replace(picture, rows=[*header, *rows])]
