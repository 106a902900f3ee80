"""Pictures as inline SVG: dots with intervals, curves with bars or bands; their colours are the page's."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from cmploss.reports.figures import COLOURS, Curve, style_of

WIDTH = 440  # in the unit of the picture; the page scales it
_LEFT, _RIGHT, _TOP, _BOTTOM = 50, 14, 12, 46
_ROW = 50
_FEW = 6  # places of a curve that has bars, beside those of the other curves, in place of a band
_BESIDE = 3.0
_LONGEST = 40  # characters of a name in a picture
_SHAPES = {  # of the size 2 × 2 around 0
    "o": "M-1,0a1,1 0 1,0 2,0a1,1 0 1,0 -2,0z",
    "s": "M-.9,-.9h1.8v1.8h-1.8z",
    "^": "M0,-1.1L1.1,.9H-1.1z",
    "D": "M0,-1.2L1.2,0L0,1.2L-1.2,0z",
    "v": "M0,1.1L1.1,-.9H-1.1z",
    "P": "M-.4,-1.1h.8v.7h.7v.8h-.7v.7h-.8v-.7h-.7v-.8h.7z",
    "X": "M-1,-.5L-.5,-1L0,-.5L.5,-1L1,-.5L.5,0L1,.5L.5,1L0,.5L-.5,1L-1,.5L-.5,0z",
    "*": "M0,-1.2L.35,-.4L1.2,-.35L.5,.2L.75,1.1L0,.6L-.75,1.1L-.5,.2L-1.2,-.35L-.35,-.4z",
}


@dataclass(frozen=True)
class Dots:
    """One row of a picture of dots."""

    name: str
    slot: int
    values: Mapping[int, float]
    centre: float
    low: float
    high: float


@dataclass(frozen=True)
class _Scale:
    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def dots_svg(rows: Sequence[Dots], *, alt: str, xlabel: str, zero: bool = False, decimals: int = 1) -> Markup:
    """A row of dots for each name, one dot a seed, with a stroke at the centre and a line for the interval."""
    places = [v for row in rows for v in (*row.values.values(), row.centre, row.low, row.high) if math.isfinite(v)]
    scale = _scale([*places, *([0.0] if zero else [])], 16, WIDTH - 16)
    height = _TOP + _ROW * len(rows) + _BOTTOM
    bottom = height - _BOTTOM
    parts = [_x_axis(scale, {tick: _number(tick) for tick in _ticks(scale)}, bottom, xlabel)]
    seeds = sorted({seed for row in rows for seed in row.values})
    for number, row in enumerate(rows):
        top = _TOP + _ROW * number
        if zero:  # beside the dots alone, so that it crosses no name
            place = scale(0), top + 18, top + 46
            parts.append(Markup('<line class="zero" x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}"/>').format(*place))
        parts.append(_dots(row, scale, top, seeds, decimals))
    return _svg(height, alt, parts)


def lines_svg(
    curves: Mapping[str, Curve],
    slots: Mapping[str, int],
    *,
    alt: str,
    xlabel: str,
    ylabel: str,
    xticks: Mapping[float, str] | None = None,
) -> Markup:
    """A line with markers for each curve, and ± sd around it: bars at a few places, a band around many."""
    height = 270
    bottom = height - _BOTTOM
    across = _scale([x for curve in curves.values() for x in curve.x], _LEFT + 10, WIDTH - _RIGHT - 10, margin=0)
    up = _scale([y for curve in curves.values() for y in _reach(curve)], bottom, _TOP + 18)
    parts = [_x_axis(across, xticks or {tick: _number(tick) for tick in _ticks(across)}, bottom, xlabel)]
    for tick in _ticks(up):
        parts.append(
            Markup(
                '<line class="grid" x1="{}" x2="{}" y1="{y:.1f}" y2="{y:.1f}"/>'
                '<text class="end" x="{}" y="{:.1f}">{}</text>'
            ).format(_LEFT, WIDTH - _RIGHT, _LEFT - 6, up(tick) + 4, _number(tick), y=up(tick))
        )
    parts.append(Markup('<text x="2" y="13">{}</text>').format(_short(ylabel)))
    few = max(len(curve.x) for curve in curves.values()) <= _FEW
    for number, (name, curve) in enumerate(curves.items()):
        said = [(xticks or {}).get(x, _number(x)) for x in curve.x]
        titles = [f"{name}: {_number(y)} at {x}" for x, y in zip(said, curve.y, strict=True)]
        beside = _BESIDE * (number - (len(curves) - 1) / 2) if few else None
        parts.append(_line(curve, titles, slots[name], across, up, beside))
    return _svg(height, alt, parts)


def marker(slot: int, x: float, y: float, size: float, title: str = "") -> Markup:
    """The marker of a slot around a place; where colours come again, they have other markers."""
    shape = _SHAPES[style_of(slot)[1]]
    return Markup('<path class="dot" transform="translate({:.1f},{:.1f}) scale({})" d="{}">{}</path>').format(
        x, y, size, shape, Markup("<title>{}</title>").format(title) if title else ""
    )


def _dots(row: Dots, scale: _Scale, top: float, seeds: Sequence[int], decimals: int) -> Markup:
    y = top + 31
    parts = [Markup('<text class="name" x="16" y="{}">{}</text>').format(top + 13, _short(row.name))]
    if math.isfinite(row.low):
        parts.append(
            Markup('<line class="interval" x1="{:.1f}" x2="{:.1f}" y1="{y}" y2="{y}"/>').format(
                scale(row.low), scale(row.high), y=y
            )
        )
    if math.isfinite(row.centre):
        x = scale(row.centre)
        parts.append(
            Markup('<line class="centre" x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}"/>').format(x, y - 9, y + 9)
        )
    step = min(3.0, 14 / max(len(seeds) - 1, 1))  # a seed stands at one height in every row
    for seed, value in row.values.items():
        if math.isfinite(value):
            height = y + (seeds.index(seed) - (len(seeds) - 1) / 2) * step
            title = f"{row.name}, seed {seed}: {value:.{decimals}f}".replace("-", "−")
            parts.append(marker(row.slot, scale(value), height, 4, title))
    return Markup('<g class="s{}">{}</g>').format(row.slot % len(COLOURS), Markup("").join(parts))


def _line(curve: Curve, titles: Sequence[str], slot: int, across: _Scale, up: _Scale, beside: float | None) -> Markup:
    """A curve with a band, or with bars ``beside`` its places."""
    at = [across(x) + (beside or 0) for x in curve.x]
    points = [f"{x:.1f},{up(y):.1f}" for x, y in zip(at, curve.y, strict=True)]
    parts = []
    if curve.sd:
        edges = [(up(y + sd), up(y - sd)) for y, sd in zip(curve.y, curve.sd, strict=True)]
        if beside is None:
            upper = [f"{x:.1f},{high:.1f}" for x, (high, _) in zip(at, edges, strict=True)]
            lower = [f"{x:.1f},{low:.1f}" for x, (_, low) in zip(at, edges, strict=True)]
            parts.append(Markup('<polygon class="band" points="{}"/>').format(" ".join([*upper, *lower[::-1]])))
        else:
            bar = Markup('<line class="bar" x1="{0:.1f}" x2="{0:.1f}" y1="{1:.1f}" y2="{2:.1f}"/>')
            parts += [bar.format(x, *edge) for x, edge in zip(at, edges, strict=True)]
    parts.append(Markup('<polyline class="line" points="{}"/>').format(" ".join(points)))
    every = max(1, len(points) // 12)  # markers on a long curve would hide it
    for x, y, title in list(zip(at, curve.y, titles, strict=True))[::every]:
        parts.append(marker(slot, x, up(y), 3.5, title))
    return Markup('<g class="s{}">{}</g>').format(slot % len(COLOURS), Markup("").join(parts))


def _x_axis(scale: _Scale, ticks: Mapping[float, str], bottom: float, label: str) -> Markup:
    parts = [
        Markup('<line class="axis" x1="{:.0f}" x2="{:.0f}" y1="{y}" y2="{y}"/>').format(
            min(scale.start, _LEFT), WIDTH - _RIGHT, y=bottom
        )
    ]
    for value, text in ticks.items():
        parts.append(
            Markup(
                '<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{}" y2="{}"/>'
                '<text class="middle" x="{x:.1f}" y="{}">{}</text>'
            ).format(bottom, bottom + 4, bottom + 18, text, x=scale(value))
        )
    middle = (scale.start + scale.end) / 2
    parts.append(Markup('<text class="middle" x="{:.1f}" y="{}">{}</text>').format(middle, bottom + 38, _short(label)))
    return Markup("").join(parts)


def _svg(height: float, alt: str, parts: Sequence[Markup]) -> Markup:
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, height, alt, Markup("\n").join(parts)
    )


def _scale(values: Sequence[float], start: float, end: float, margin: float = 0.06) -> _Scale:
    low, high = min(values), max(values)
    room = (high - low) * margin if high > low else max(abs(low) * 0.05, 0.5)
    return _Scale(low - room, high + room, start, end)


def _ticks(scale: _Scale) -> list[float]:
    """Four to nine round numbers within a scale."""
    width = scale.high - scale.low
    step = 10.0 ** math.floor(math.log10(width / 4))
    step *= next(factor for factor in (5, 2, 1) if width / (step * factor) >= 4)
    first = math.ceil(scale.low / step)
    return [number * step for number in range(first, math.floor(scale.high / step) + 1)]


def _reach(curve: Curve) -> list[float]:
    sds = curve.sd or [0.0] * len(curve.y)
    return [edge for y, sd in zip(curve.y, sds, strict=True) for edge in (y - sd, y + sd)]


def _number(value: float) -> str:
    text = f"{value:.4g}" if abs(value) < 10_000 else f"{value:.0f}"
    return text.replace("-", "−")


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
