"""Pictures of the vectors that models give to the test examples, each with a number that the picture cannot distort."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.manifold import TSNE
from sklearn.metrics import silhouette_score

from cmploss.reports.figures import COLOURS, MARKERS, save_svg

EMBEDDINGS_FILE = "embeddings.svg"
"""The picture next to the records of a comparison."""
_PER_ROW = 3
_INCHES = 3.2


def silhouette(vectors: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Mean silhouette of the classes by cosine distance: 1 far apart, 0 overlapping, below 0 among the wrong ones.

    Of an example: (b − a) / max(a, b), with a its mean distance to the others of its class and b that to the nearest
    other class; 0 for the only example of a class. It needs no picture, and is comparable between models.

    >>> round(silhouette(np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0], [0.0, 3.0]]), np.array([0, 0, 1, 1])), 6)
    1.0

    References: Rousseeuw 1987.
    """
    return float(silhouette_score(vectors, labels, metric="cosine"))


def tsne(vectors: NDArray[np.float64], *, seed: int = 0) -> NDArray[np.float64]:
    """A picture ``(examples, 2)`` of vectors ``(examples, hidden)`` by t-SNE on cosine distances.

    The perplexity is 30, at most a third of the other examples. Distances between clusters, and their sizes, mean
    nothing in such a picture.

    References: van der Maaten and Hinton 2008.
    """
    perplexity = min(30.0, (len(vectors) - 1) / 3)
    picture = TSNE(perplexity=perplexity, metric="cosine", init="random", random_state=seed).fit_transform(vectors)
    return np.asarray(picture, dtype=float)


def draw_vectors(
    path: Path, vectors: Mapping[str, NDArray[Any]], labels: Sequence[int], label_names: Sequence[str]
) -> None:
    """Draw the vectors ``(examples, hidden)`` of several models next to each other as SVG, with one legend.

    ``labels`` are class ids ``(examples,)``: at least 4 examples, 2 classes, and fewer classes than examples. Each
    title has the silhouette of the vectors themselves, not of the picture.
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
            axes.scatter(*points[classes == label].T, s=8, label=name, c=colour, marker=marker)
        number = f"silhouette {silhouette(found, classes):.2f}"
        axes.set_title(f"{title}\n{number}".replace("-0.", "−0.").replace("$", r"\$"))
        axes.set_xticks([])
        axes.set_yticks([])
    handles, names = grid[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=min(len(names), 2 * columns), frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_svg(figure, path)
