"""Curves with bands as SVG, in colours that colour-blind readers can tell apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from cmploss.atomic import writing

# Okabe and Ito 2008: distinguishable with every common colour vision; each also has a marker of its own.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8a6d00")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


def style_of(number: int) -> tuple[str, str]:
    """Colour and marker of a thing; the first 64 have pairs of their own.

    >>> style_of(0), style_of(8)
    (('#0072B2', 'o'), ('#0072B2', 's'))
    """
    return COLOURS[number % len(COLOURS)], MARKERS[(number + number // len(COLOURS)) % len(MARKERS)]


@dataclass(frozen=True)
class Curve:
    """Values over an axis, perhaps with a standard deviation each.

    Attributes:
        x: Places ``(points,)``.
        y: Values ``(points,)``.
        sd: Standard deviations ``(points,)``, () without any.
    """

    x: Sequence[float]
    y: Sequence[float]
    sd: Sequence[float] = ()


def write_curves(path: Path, curves: Mapping[str, Curve], *, xlabel: str, ylabel: str) -> None:
    """Write a figure as SVG with its text as text: one line with markers per curve, a band of ± sd around it.

    Args:
        path: File to write.
        curves: Name → curve; the same names in the same order have the same colours in every figure.
        xlabel: Of the horizontal axis.
        ylabel: Of the vertical axis, with its unit.
    """
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.add_subplot()
    for number, (name, curve) in enumerate(curves.items()):
        colour, marker = style_of(number)
        axes.plot(curve.x, curve.y, color=colour, marker=marker, label=name)
        if curve.sd:
            low = [y - sd for y, sd in zip(curve.y, curve.sd, strict=True)]
            high = [y + sd for y, sd in zip(curve.y, curve.sd, strict=True)]
            axes.fill_between(curve.x, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.set_xticks(sorted({x for curve in curves.values() for x in curve.x}))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    save_svg(figure, path)


def save_svg(figure: Figure, path: Path) -> None:
    """Write a figure as SVG: its text stays text, and equal figures are equal files."""
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "cmploss"}), writing(path) as file:
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
