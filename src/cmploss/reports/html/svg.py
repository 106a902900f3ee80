"""Parts of charts as inline SVG: scales, axes, lines, words and markers. The page has their colours."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from cmploss.reports.curves import COLOURS, style_of

WIDTH = 440  # in the unit of the picture; the page scales it
LEFT, RIGHT, TOP, BOTTOM = 50, 14, 12, 46
_LONGEST = 40  # characters of a text in a picture
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
class Scale:
    """Maps the values from ``low`` to ``high`` to the places from ``start`` to ``end``."""

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def of(cls, values: Iterable[float], start: float, end: float, margin: float = 0.06) -> "Scale":
        """A scale with all values; ``margin`` is the space at both ends as a share of their range."""
        found = list(values)
        low, high = min(found), max(found)
        room = (high - low) * margin if high > low else max(abs(low) * 0.05, 0.5)
        return cls(low - room, high + room, start, end)

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    @property
    def ticks(self) -> dict[float, str]:
        """Four to nine round numbers within the scale, and their texts."""
        width = self.high - self.low
        step = 10.0 ** math.floor(math.log10(width / 4))
        step *= next(factor for factor in (5, 2, 1) if width / (step * factor) >= 4)
        places = range(math.ceil(self.low / step), math.floor(self.high / step) + 1)
        return {place * step: tick_text(place * step) for place in places}


def element(name: str, content: str = "", **attributes: object) -> Markup:
    """An element of SVG; texts are escaped, floats have one decimal, attributes of None are left out.

    >>> print(element("text", "a & b", class_="name", x=1.25))
    <text class="name" x="1.2">a &amp; b</text>
    """
    start = Markup(name)
    for key, value in attributes.items():
        if value is not None:
            written = f"{value:.1f}" if isinstance(value, float) else value
            start += Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), written)
    return Markup("<{}>{}</{}>").format(start, content, name) if content else Markup("<{}/>").format(start)


def line(kind: str, x1: float, x2: float, y1: float, y2: float) -> Markup:
    return element("line", class_=kind, x1=x1, x2=x2, y1=y1, y2=y2)


def words(x: float, y: float, text: str, kind: str | None = None) -> Markup:
    shown = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    return element("text", shown, class_=kind, x=x, y=y)


def marker(slot: int, x: float, y: float, size: float, title: str = "") -> Markup:
    """The marker of a slot around a point; slots of one colour have different markers."""
    place = f"translate({x:.1f},{y:.1f}) scale({size})"
    content = element("title", title) if title else Markup()
    return element("path", content, class_="dot", transform=place, d=_SHAPES[style_of(slot)[1]])


def group(slot: int, parts: Iterable[Markup]) -> Markup:
    """Parts in the colour of a slot."""
    return element("g", Markup().join(parts), class_=f"s{slot % len(COLOURS)}")


def x_axis(scale: Scale, ticks: Mapping[float, str], bottom: float, label: str) -> list[Markup]:
    parts = [line("axis", min(scale.start, LEFT), WIDTH - RIGHT, bottom, bottom)]
    for value, text in ticks.items():
        x = scale(value)
        parts += [line("axis", x, x, bottom, bottom + 4), words(x, bottom + 18, text, "middle")]
    return [*parts, words((scale.start + scale.end) / 2, bottom + 38, label, "middle")]


def y_axis(scale: Scale, label: str) -> list[Markup]:
    """An axis with a line across the picture at every tick."""
    parts = []
    for value, text in scale.ticks.items():
        y = scale(value)
        parts += [line("grid", LEFT, WIDTH - RIGHT, y, y), words(LEFT - 6, y + 4, text, "end")]
    return [*parts, words(2, 13, label)]


def picture(height: int, alt: str, parts: Sequence[Markup]) -> Markup:
    content = Markup("\n").join(parts)
    return element("svg", content, viewBox=f"0 0 {WIDTH} {height}", role="img", aria_label=alt)


def tick_text(value: float) -> str:
    """A number of a chart, with at least four significant digits.

    >>> tick_text(-0.5), tick_text(123456.7)
    ('−0.5', '123457')
    """
    text = f"{value:.4g}" if abs(value) < 10_000 else f"{value:.0f}"
    return text.replace("-", "−")
