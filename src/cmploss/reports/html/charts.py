"""The kinds of charts: rows of dots with intervals, and curves with bars or bands. Each is a picture of the page."""

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from markupsafe import Markup

from cmploss.reports.curves import Curve
from cmploss.reports.html import svg
from cmploss.reports.html.svg import LEFT, RIGHT, TOP, WIDTH, Scale, tick_text

Slots = Mapping[str, int]
"""Objective → number of its colour and marker, the same on the whole page."""

_ROW = 50
_HEIGHT = 270  # of a chart of curves
_FEW = 6  # places of a curve with bars, next to those of the other curves; a curve with more has a band
_NEXT = 3.0
_MARKERS = 12  # of a long curve


@dataclass(frozen=True)
class Picture:
    """One figure of the page.

    Attributes:
        title: Its heading.
        svg: The chart.
        text: What it shows.
        legend: What its colours mean.
        rows: Its numbers, the header first.
    """

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


@dataclass(frozen=True)
class Dots:
    """A row of dots, one for each seed, with a stroke at the centre and a line for the interval."""

    name: str
    slot: int
    values: Mapping[int, float]
    centre: float
    low: float
    high: float


def dots_chart(rows: Sequence[Dots], *, alt: str, xlabel: str, block: str = "seed", zero: bool = False) -> Markup:
    """A row of dots for each name, perhaps with a dashed line at zero; runs of a row differ in their ``block``."""
    places = [v for row in rows for v in (*row.values.values(), row.centre, row.low, row.high) if math.isfinite(v)]
    scale = Scale.of([*places, *([0.0] if zero else [])], 16, WIDTH - 16)
    bottom = TOP + _ROW * len(rows)
    parts = svg.x_axis(scale, scale.ticks, bottom, xlabel)
    seeds = sorted({seed for row in rows for seed in row.values})
    for top, row in zip(range(TOP, bottom, _ROW), rows, strict=True):
        if zero:  # next to the dots alone, so that it crosses no name
            parts.append(svg.line("zero", scale(0), scale(0), top + 18, top + 46))
        parts.append(_dots(row, scale, top, seeds, block))
    return svg.picture(bottom + svg.BOTTOM, alt, parts)


def curves_chart(
    curves: Mapping[str, Curve],
    slots: Slots,
    *,
    alt: str,
    xlabel: str,
    ylabel: str,
    xticks: Mapping[float, str] | None = None,
) -> Markup:
    """A line with markers for each curve, and ± sd around it: bars at a few places, a band around many."""
    bottom, ticks = _HEIGHT - svg.BOTTOM, xticks or {}
    across = Scale.of((x for curve in curves.values() for x in curve.x), LEFT + 10, WIDTH - RIGHT - 10, margin=0)
    up = Scale.of((y for curve in curves.values() for pair in _edges(curve) for y in pair), bottom, TOP + 18)
    parts = svg.x_axis(across, ticks or across.ticks, bottom, xlabel) + svg.y_axis(up, ylabel)
    few = max(len(curve.x) for curve in curves.values()) <= _FEW
    for number, (name, curve) in enumerate(curves.items()):
        titles = [
            f"{name}: {tick_text(y)} at {ticks.get(x, tick_text(x))}" for x, y in zip(curve.x, curve.y, strict=True)
        ]
        aside = _NEXT * (number - (len(curves) - 1) / 2) if few else None
        parts.append(_curve(curve, titles, slots[name], across, up, aside))
    return svg.picture(_HEIGHT, alt, parts)


def curve_picture(
    title: str,
    curves: Mapping[str, Curve],
    slots: Slots,
    xlabel: str,
    ylabel: str,
    text: str,
    xticks: Mapping[float, str] | None = None,
    rows: list[Sequence[object]] | None = None,
) -> Picture:
    """A picture of curves, in words and numbers as well."""
    ends = "; ".join(f"{name} from {curve.y[0]:.3g} to {curve.y[-1]:.3g}" for name, curve in curves.items())
    alt = f"{title} over {xlabel}: {ends}"
    chart = curves_chart(curves, slots, alt=alt, xlabel=xlabel, ylabel=ylabel, xticks=xticks)
    if rows is None:
        rows = [("objective", xlabel, ylabel, "sd")]
        for name, curve in curves.items():
            sds: Sequence[object] = curve.sd or [""] * len(curve.x)
            rows += [(name, x, y, sd) for x, y, sd in zip(curve.x, curve.y, sds, strict=True)]
    return Picture(title, chart, text, {name: slots[name] for name in curves}, rows)


def _dots(row: Dots, scale: Scale, top: float, seeds: Sequence[int], block: str) -> Markup:
    y = top + 31
    parts = [svg.words(16, top + 13, row.name, "name")]
    if math.isfinite(row.low):
        parts.append(svg.line("interval", scale(row.low), scale(row.high), y, y))
    if math.isfinite(row.centre):
        parts.append(svg.line("centre", scale(row.centre), scale(row.centre), y - 9, y + 9))
    step = min(3.0, 14 / max(len(seeds) - 1, 1))  # a seed has the same height in every row
    for seed, value in row.values.items():
        if math.isfinite(value):
            height = y + (seeds.index(seed) - (len(seeds) - 1) / 2) * step
            title = f"{row.name}, {block} {seed}: {value:.1f}".replace("-", "−")
            parts.append(svg.marker(row.slot, scale(value), height, 4, title))
    return svg.group(row.slot, parts)


def _curve(curve: Curve, titles: Sequence[str], slot: int, across: Scale, up: Scale, aside: float | None) -> Markup:
    """A curve with a band, or with bars that are drawn ``aside`` from their places."""
    at = [across(x) + (aside or 0) for x in curve.x]
    points = [(x, up(y)) for x, y in zip(at, curve.y, strict=True)]
    parts = []
    if curve.sd:
        low, high = ([(x, up(edge)) for x, edge in zip(at, of, strict=True)] for of in zip(*_edges(curve), strict=True))
        if aside is None:
            parts.append(_points("polygon", "band", [*high, *low[::-1]]))
        else:
            parts += [svg.line("bar", x, x, top, y) for (x, top), (_, y) in zip(high, low, strict=True)]
    parts.append(_points("polyline", "line", points))
    every = max(1, len(points) // _MARKERS)
    for (x, y), title in list(zip(points, titles, strict=True))[::every]:
        parts.append(svg.marker(slot, x, y, 3.5, title))
    return svg.group(slot, parts)


def _points(name: str, kind: str, points: Iterable[tuple[float, float]]) -> Markup:
    return svg.element(name, class_=kind, points=" ".join(f"{x:.1f},{y:.1f}" for x, y in points))


def _edges(curve: Curve) -> list[tuple[float, float]]:
    """Mean − sd and mean + sd at each place."""
    return [(y - sd, y + sd) for y, sd in zip(curve.y, curve.sd or [0.0] * len(curve.y), strict=True)]
