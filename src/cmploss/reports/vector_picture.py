"""Pictures of what models make of the test examples, with a number beside each so that it cannot deceive."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from sklearn.manifold import TSNE
from sklearn.metrics import silhouette_score

from cmploss.errors import UserError
from cmploss.reports.figures import COLOURS, MARKERS, save_svg

EMBEDDINGS_FILE = "embeddings.svg"
"""The picture next to the records of a comparison."""
_PER_ROW = 3
_INCHES = 3.2


@dataclass(frozen=True)
class Embedding:
    """The vectors of one model, and how well they separate the classes.

    Args:
        title: What the model is, e.g. ``"comparative, N = 100"``.
        points: their t-SNE picture, ``(examples, 2)``.
        labels: class ids ``(examples,)``.
        silhouette: of the vectors themselves, not of the picture.
    """

    title: str
    points: NDArray[np.float64]
    labels: NDArray[np.int64]
    silhouette: float


def embedding(title: str, vectors: ArrayLike, labels: ArrayLike, *, seed: int = 0) -> Embedding:
    """Make a picture of vectors, and measure what it shows.

    Args:
        title: What the model is.
        vectors: ``(examples, hidden)``, for example of :func:`cmploss.tasks.text.cls_vectors.cls_vectors`.
        labels: Class ids ``(examples,)``.
        seed: Of t-SNE.

    Raises:
        UserError: Fewer than 4 examples, fewer than two classes, as many classes as examples, or other shapes.
    """
    points, classes = np.asarray(vectors, dtype=float), np.asarray(labels)
    if points.ndim != 2 or classes.shape != points.shape[:1] or len(points) < 4:
        raise UserError(
            f"embedding {title!r}: got vectors of shape {points.shape} and labels of shape {classes.shape}; "
            "give (examples, hidden) and (examples,), at least 4 examples"
        )
    found = len(np.unique(classes))
    if not 2 <= found < len(points):
        raise UserError(
            f"embedding {title!r}: {len(points)} examples of {found} classes cannot be separated; "
            "give at least two classes, and more examples than classes"
        )
    return Embedding(title, tsne(points, seed=seed), classes, silhouette(points, classes))


def silhouette(vectors: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Mean silhouette of the classes by cosine distance: 1 far apart, 0 overlapping, below 0 among the wrong ones.

    Of an example: (b − a) / max(a, b), with a its mean distance to the others of its class and b that to the nearest
    other class; 0 for the only example of a class. It needs no picture, and is comparable between models.

    >>> round(silhouette(np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0], [0.0, 3.0]]), np.array([0, 0, 1, 1])), 6)
    1.0

    Source: Rousseeuw 1987.
    """
    return float(silhouette_score(vectors, labels, metric="cosine"))


def tsne(vectors: NDArray[np.float64], *, seed: int = 0) -> NDArray[np.float64]:
    """A picture ``(examples, 2)`` of vectors ``(examples, hidden)`` by t-SNE on cosine distances.

    The perplexity is 30, at most a third of the other examples. Distances between clusters, and their sizes, mean
    nothing in such a picture.

    Source: van der Maaten and Hinton 2008.
    """
    perplexity = min(30.0, (len(vectors) - 1) / 3)
    picture = TSNE(perplexity=perplexity, metric="cosine", init="random", random_state=seed).fit_transform(vectors)
    return np.asarray(picture, dtype=float)


def embedding_figure(embeddings: Sequence[Embedding], path: Path, *, label_names: Sequence[str]) -> None:
    """Draw embeddings side by side as SVG, each with its title and silhouette, and one legend.

    Args:
        embeddings: At least one.
        path: Of the SVG file; missing folders are made.
        label_names: Name of each class, by id.

    Raises:
        UserError: Nothing to draw, or another suffix than .svg.
    """
    if not embeddings or path.suffix != ".svg":
        raise UserError(f"{path}: a figure takes at least one embedding and a path that ends in .svg")
    columns = min(len(embeddings), _PER_ROW)
    rows = math.ceil(len(embeddings) / columns)
    figure = Figure(figsize=(_INCHES * columns, _INCHES * rows + 0.6), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).flatten()
    for axes in grid[len(embeddings) :]:
        axes.remove()
    for axes, found in zip(grid, embeddings, strict=False):
        _draw(axes, found, label_names)
    handles, names = grid[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=min(len(names), 2 * columns), frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_svg(figure, path)


def _draw(axes: Axes, found: Embedding, label_names: Sequence[str]) -> None:
    for label, name in enumerate(label_names):
        points = found.points[found.labels == label]
        style: dict[str, Any] = {  # from the ninth class on markers differ as well
            "c": COLOURS[label % len(COLOURS)],
            "marker": MARKERS[label // len(COLOURS) % len(MARKERS)],
        }
        axes.scatter(points[:, 0], points[:, 1], s=8, label=name, **style)
    axes.set_title(f"{found.title}\nsilhouette {found.silhouette:.2f}".replace("-0.", "−0.").replace("$", r"\$"))
    axes.set_xticks([])
    axes.set_yticks([])
