"""Scores of objectives along an axis: a table and curves."""

from collections.abc import Mapping, Sequence

from cmploss.experiment.statistics import mean_sd
from cmploss.reports.figures import Curve
from cmploss.reports.formatting import escape, markdown_grid, mean_text

Series = Mapping[str, Mapping[float, Sequence[float]]]
"""Objective → place on the axis → the score of every run there."""


def places_of(series: Series) -> dict[float, str]:
    """Every place of some objective, ascending, and how it is written.

    >>> places_of({"supervised": {2000000: [60.0]}, "comparative": {0.5: [50.0], 2000000: [61.0]}})
    {0.5: '0.5', 2000000: '2000000'}
    """
    return {place: f"{place:.12g}" for place in sorted({place for of in series.values() for place in of})}


def series_grid(series: Series) -> str:
    """A table in Markdown: objectives × places, mean ± sd (runs)."""
    names = places_of(series)
    lines = [["objective", *map(escape, names.values())]]
    for objective, scores in series.items():
        lines.append([escape(objective), *(mean_text(*mean_sd_n(scores.get(place, []))) for place in names)])
    return markdown_grid(lines)


def series_curves(series: Series) -> dict[str, Curve]:
    """A curve per objective."""
    return {objective: curve_of(scores) for objective, scores in series.items()}


def curve_of(scores: Mapping[float, Sequence[float]]) -> Curve:
    """The mean over the runs at each place, with the standard deviation where there are several at all of them."""
    places = sorted(place for place in scores if scores[place])
    found = [mean_sd_n(scores[place]) for place in places]
    several = all(n > 1 for _, _, n in found)
    return Curve(places, [mean for mean, _, _ in found], [sd for _, sd, _ in found] if several else ())


def mean_sd_n(scores: Sequence[float]) -> tuple[float, float, int]:
    """Mean, standard deviation and number of some scores."""
    return (*mean_sd(scores), len(scores))
