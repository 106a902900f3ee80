"""Figures by matplotlib: curves, and vectors of test examples."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.manifold import TSNE
from sklearn.metrics import silhouette_score

from cmploss.atomic import writing
from cmploss.reports.curves import COLOURS, MARKERS, Curve, style_of

_PER_ROW = 3
_INCHES = 3.2


def write_curves(path: Path, curves: Mapping[str, Curve], *, xlabel: str, ylabel: str) -> None:
    """Write a figure as SVG: a line with markers for each curve, and a band of ± sd.

    Args:
        path: File to write.
        curves: Name → curve; colours are given in this order.
        xlabel: Label of the horizontal axis.
        ylabel: Label of the vertical axis, with its unit.
    """
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.add_subplot()
    for number, (name, curve) in enumerate(curves.items()):
        colour, marker = style_of(number)
        axes.plot(curve.x, curve.y, color=colour, marker=marker, label=name)
        if curve.sd:
            band = np.subtract(curve.y, curve.sd), np.add(curve.y, curve.sd)
            axes.fill_between(curve.x, *band, color=colour, alpha=0.15, linewidth=0)
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.set_xticks(sorted({x for curve in curves.values() for x in curve.x}))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    _save_svg(figure, path)


def silhouette(vectors: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Mean silhouette by cosine distance: 1 for distant classes, 0 for overlapping ones, negative for mixed-up ones.

    Of an example: (b − a) / max(a, b), where a is its mean distance to the others of its class and b its mean distance
    to the nearest other class; 0 for the only example of a class. It is comparable between models.

    >>> round(silhouette(np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0], [0.0, 3.0]]), np.array([0, 0, 1, 1])), 6)
    1.0

    References: Rousseeuw 1987.
    """
    return float(silhouette_score(vectors, labels, metric="cosine"))


def tsne(vectors: NDArray[np.float64], *, seed: int = 0) -> NDArray[np.float64]:
    """A picture ``(examples, 2)`` of vectors ``(examples, hidden)`` by t-SNE on cosine distances.

    The perplexity is 30, or a third of the number of other examples if that is less. Sizes of clusters and distances
    between them have no meaning.

    References: van der Maaten and Hinton 2008.
    """
    perplexity = min(30.0, (len(vectors) - 1) / 3)
    picture = TSNE(perplexity=perplexity, metric="cosine", init="random", random_state=seed).fit_transform(vectors)
    return np.asarray(picture, dtype=float)


def draw_vectors(
    path: Path, vectors: Mapping[str, NDArray[Any]], labels: Sequence[int], label_names: Sequence[str]
) -> None:
    """Draw the vectors ``(examples, hidden)`` of several models side by side as SVG, with one legend.

    ``labels`` are class ids ``(examples,)``: at least 4 examples, 2 classes, and fewer classes than examples. Each
    title has the silhouette of the vectors, not of their picture.
    """
    classes = np.asarray(labels)
    columns = min(len(vectors), _PER_ROW)
    rows = math.ceil(len(vectors) / columns)
    figure = Figure(figsize=(_INCHES * columns, _INCHES * rows + 0.6), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).flatten()
    for axes in grid[len(vectors) :]:
        axes.remove()
    for axes, (title, found) in zip(grid, vectors.items(), strict=False):
        points = tsne(np.asarray(found, dtype=float))
        for label, name in enumerate(label_names):
            colour = COLOURS[label % len(COLOURS)]
            marker = MARKERS[label // len(COLOURS) % len(MARKERS)]  # from the ninth class on markers differ too
            axes.scatter(*points[classes == label].T, s=8, label=_literal(name), c=colour, marker=marker)
        number = f"silhouette {silhouette(found, classes):.2f}"
        axes.set_title(_literal(f"{title}\n{number}".replace("-0.", "−0.")))
        axes.set_xticks([])
        axes.set_yticks([])
    handles, names = grid[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=min(len(names), 2 * columns), frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    _save_svg(figure, path)


def _literal(text: str) -> str:
    """A text as it is: matplotlib would read $ as mathematics, and leave a label that begins with _ out of a legend."""
    return ("\u200b" * text.startswith("_") + text).replace("$", r"\$")


def _save_svg(figure: Figure, path: Path) -> None:
    """Write a figure as SVG. Text is written as text, and equal figures give equal files."""
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "cmploss"}), writing(path) as file:
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
