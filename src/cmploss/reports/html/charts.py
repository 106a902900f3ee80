"""Charts: differences with intervals, runs by seed, score against cost, and curves."""

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from types import MappingProxyType
from urllib.parse import quote

from markupsafe import Markup

from cmploss.experiment.statistics import PairedDifference
from cmploss.reports.curves import Curve
from cmploss.reports.formatting import signed
from cmploss.reports.html import svg
from cmploss.reports.html.svg import LEFT, RIGHT, TOP, WIDTH, Scale, tick_text

Slots = Mapping[str, int]
"""Objective → number of its colour and marker, the same on the whole page."""

ROW = 44
_HEIGHT = 270  # of a chart of curves
_FEW = 6  # most points of a curve with bars; a curve with more has a band
_NEXT = 3.0  # distance between the bars of two curves at one value
_MARKERS = 12  # most markers of a curve


@dataclass(frozen=True)
class Picture:
    """One figure of the page.

    Attributes:
        title: Heading.
        svg: The chart.
        text: What the chart shows.
        legend: Objective → number of its colour.
        rows: The numbers, the header first.
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


def forest_chart(
    gaps: Mapping[str, PairedDifference],
    slots: Slots,
    references: Mapping[str, PairedDifference] = MappingProxyType({}),
    *,
    margin: float,
    alt: str,
    xlabel: str,
) -> Markup:
    """A line for each interval around its mean, a dashed line at zero, and the margin shaded; reference rows last.

    The other rows define the scale; a reference row outside it is a number with an arrow.
    """
    rows = [*gaps.items(), *references.items()]
    scaled = gaps or references
    places = [v for gap in scaled.values() for v in (gap.mean, gap.low, gap.high) if math.isfinite(v)]
    scale = Scale.of([*places, -margin, margin], 16, WIDTH - 16)
    bottom = TOP + ROW * len(rows)
    parts = [
        svg.element(
            "rect", class_="margin", x=scale(-margin), y=TOP, width=scale(margin) - scale(-margin), height=bottom - TOP
        ),
        svg.line("zero", scale(0), scale(0), TOP, bottom),
        *svg.x_axis(scale, scale.ticks, bottom, xlabel),
    ]
    for number, (name, gap) in enumerate(rows):
        top = TOP + ROW * number
        if number == len(gaps) > 0:
            parts.append(svg.line("axis", 16, WIDTH - 16, top, top))
        parts.append(_effect(name, gap, slots[name] if number < len(gaps) else None, scale, top))
    return svg.picture(bottom + svg.BOTTOM, alt, parts)


def paired_chart(
    scores: Mapping[str, Mapping[int, float]], slots: Slots, *, alt: str, xlabel: str, block: str
) -> Markup:
    """A dot for each run, a line that joins the runs of one seed from row to row, and a stroke at each mean.

    ``scores`` has those of each objective by seed (or fold).
    """
    known = {name: {seed: v for seed, v in of.items() if math.isfinite(v)} for name, of in scores.items()}
    scale = Scale.of([v for of in known.values() for v in of.values()], 16, WIDTH - 16)
    bottom = TOP + ROW * len(known)
    parts = svg.x_axis(scale, scale.ticks, bottom, xlabel)
    heights = [TOP + ROW * number + 29 for number in range(len(known))]
    for seed in sorted({seed for of in scores.values() for seed in of}):
        joined = [(scale(of[seed]), y) for of, y in zip(known.values(), heights, strict=True) if seed in of]
        title = f"{block} {seed}: {', '.join(f'{name} {_place(of.get(seed))}' for name, of in known.items())}"
        parts.append(_points("polyline", "pair", joined, title))
    for (name, of), y in zip(known.items(), heights, strict=True):
        mean = scale(fmean(of.values()))
        drawn = [svg.words(16, y - 17, name, "name"), svg.line("centre", mean, mean, y - 9, y + 9)]
        drawn += [
            svg.marker(slots[name], scale(value), y, 4, f"{name}, {block} {seed}: {_place(value)}")
            for seed, value in of.items()
        ]
        parts.append(svg.group(slots[name], drawn))
    return svg.picture(bottom + svg.BOTTOM, alt, parts)


@dataclass(frozen=True)
class Cost:
    """The mean score of an objective with its standard deviation, and what a run costs."""

    name: str
    slot: int
    cost: float
    mean: float
    sd: float


def pareto_edge(points: Sequence[Cost]) -> list[Cost]:
    """The points such that every cheaper or equally cheap point has a lower mean, the cheapest first.

    >>> [each.name for each in pareto_edge([Cost("a", 0, 2, 80, 0), Cost("b", 1, 1, 70, 0), Cost("c", 2, 3, 75, 0)])]
    ['b', 'a']
    """
    found: list[Cost] = []
    for point in sorted(points, key=lambda each: (each.cost, -each.mean)):
        if not found or point.mean > found[-1].mean:
            found.append(point)
    return found


def cost_chart(points: Sequence[Cost], *, alt: str, xlabel: str, ylabel: str) -> Markup:
    """A marker at cost and mean of each objective, bars of ± sd, and the Pareto edge as steps."""
    bottom = _HEIGHT - svg.BOTTOM
    across = Scale.of([0.0, *(each.cost for each in points)], LEFT, WIDTH - RIGHT - 10)
    sds = {each.name: each.sd if math.isfinite(each.sd) else 0.0 for each in points}
    up = Scale.of([each.mean + sign * sds[each.name] for each in points for sign in (-1, 1)], bottom, TOP + 18)
    parts = svg.x_axis(across, across.ticks, bottom, xlabel) + svg.y_axis(up, ylabel)
    steps: list[tuple[float, float]] = []
    for each in pareto_edge(points):
        x, y = across(each.cost), up(each.mean)
        steps += [(x, steps[-1][1] if steps else float(bottom)), (x, y)]
    parts.append(_points("polyline", "edge", [*steps, (WIDTH - RIGHT, steps[-1][1])]))
    for each in points:
        x, y, sd = across(each.cost), up(each.mean), sds[each.name]
        bar = svg.line("bar", x, x, up(each.mean + sd), up(each.mean - sd))
        title = f"{each.name}: {_place(each.mean)} at {tick_text(each.cost)}"
        parts.append(svg.group(each.slot, [bar, svg.marker(each.slot, x, y, 5, title)]))
    return svg.picture(_HEIGHT, alt, parts)


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
    """A picture of curves, with its text and numbers."""
    ends = "; ".join(f"{name} from {curve.y[0]:.3g} to {curve.y[-1]:.3g}" for name, curve in curves.items())
    alt = f"{title} over {xlabel}: {ends}"
    chart = curves_chart(curves, slots, alt=alt, xlabel=xlabel, ylabel=ylabel, xticks=xticks)
    if rows is None:
        rows = [("objective", xlabel, ylabel, "sd")]
        for name, curve in curves.items():
            sds: Sequence[object] = curve.sd or [""] * len(curve.x)
            rows += [(name, x, y, sd) for x, y, sd in zip(curve.x, curve.y, sds, strict=True)]
    return Picture(title, chart, text, {name: slots[name] for name in curves}, rows)


def _effect(name: str, gap: PairedDifference, slot: int | None, scale: Scale, top: float) -> Markup:
    y = top + 29
    parts = [svg.words(16, top + 12, name, "name")]
    if math.isfinite(gap.low):
        parts.append(svg.line("interval", scale(gap.low), scale(gap.high), y, y))
        parts += [svg.line("interval", scale(end), scale(end), y - 5, y + 5) for end in (gap.low, gap.high)]
    if gap.mean < scale.low:
        parts.append(svg.words(16, y + 4, f"← {signed(gap.mean)}"))
    elif gap.mean > scale.high:
        parts.append(svg.words(WIDTH - 16, y + 4, f"{signed(gap.mean)} →", "end"))
    else:
        parts.append(svg.marker(slot or 0, scale(gap.mean), y, 5, f"{name}: {signed(gap.mean)}"))
    return svg.element("g", Markup().join(parts), class_="simple") if slot is None else svg.group(slot, parts)


def _place(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}".replace("-", "−")


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


def _points(name: str, kind: str, points: Iterable[tuple[float, float]], title: str = "") -> Markup:
    content = svg.element("title", title) if title else Markup()
    return svg.element(name, content, class_=kind, points=" ".join(f"{x:.1f},{y:.1f}" for x, y in points))


def _edges(curve: Curve) -> list[tuple[float, float]]:
    """Mean − sd and mean + sd at each place."""
    return [(y - sd, y + sd) for y, sd in zip(curve.y, curve.sd or [0.0] * len(curve.y), strict=True)]
