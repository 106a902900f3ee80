"""Scores of objectives along an axis: a table and curves."""

from collections.abc import Mapping, Sequence

from cmploss.reports.figures import Curve
from cmploss.reports.formats import escape, mean_text
from cmploss.reports.statistics import mean_sd
from cmploss.reports.tables import markdown_grid

Series = Mapping[str, Mapping[float, Sequence[float]]]
"""Objective → place on the axis → the score of every run there."""


def places_of(series: Series) -> dict[float, str]:
    """Every place of some objective, ascending, and how it is written.

    >>> places_of({"supervised": {2: [60.0]}, "comparative": {0.5: [50.0], 2: [61.0]}})
    {0.5: '0.5', 2: '2'}
    """
    return {place: f"{place:g}" for place in sorted({place for of in series.values() for place in of})}


def series_grid(series: Series, names: Mapping[float, str]) -> str:
    """A table in Markdown: objectives × places, mean ± sd (runs); ``names`` are the headings of the places."""
    lines = [["objective", *map(escape, names.values())]]
    for objective, scores in series.items():
        lines.append([escape(objective), *(mean_text(*_mean(scores.get(place, []))) for place in names)])
    return markdown_grid(lines)


def series_curves(series: Series) -> dict[str, Curve]:
    """A curve per objective: the mean over its runs with the standard deviation, where there are several."""
    curves = {}
    for objective, scores in series.items():
        places = sorted(place for place in scores if scores[place])
        means = [_mean(scores[place]) for place in places]
        several = all(n > 1 for _, _, n in means)
        curves[objective] = Curve(places, [mean for mean, _, _ in means], [sd for _, sd, _ in means] if several else ())
    return curves


def _mean(values: Sequence[float]) -> tuple[float, float, int]:
    return (*mean_sd(values), len(values))
