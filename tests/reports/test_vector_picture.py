import re
from xml.etree import ElementTree

import numpy as np
import pytest

from cmploss.errors import UserError
from cmploss.reports.vector_picture import COLOURS, embedding, embedding_figure, silhouette, tsne

RANDOM = np.random.default_rng(0)
LABELS = np.arange(30) % 3
CENTRES = 5 * np.eye(3, 8)
APART = CENTRES[LABELS] + 0.1 * RANDOM.normal(size=(30, 8))
MIXED = RANDOM.normal(size=(30, 8))
NAMES = ("bad", "fair", "good")


def silhouette_by_hand(vectors, labels):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    distance, found = 1 - unit @ unit.T, []
    for i, label in enumerate(labels):
        own = [distance[i, j] for j in range(len(labels)) if j != i and labels[j] == label]
        others = [distance[i, labels == other].mean() for other in set(labels.tolist()) - {label}]
        a, b = np.mean(own), min(others)
        found.append((b - a) / max(a, b))
    return np.mean(found)


def nearest_share(points):
    """Share of points whose nearest neighbour is of their class."""
    distance = np.linalg.norm(points[:, None] - points[None], axis=-1) + np.diag([np.inf] * len(points))
    return np.mean(LABELS[distance.argmin(1)] == LABELS)


def test_silhouette_by_hand():
    for vectors in (APART, MIXED):
        assert silhouette(vectors, LABELS) == pytest.approx(silhouette_by_hand(vectors, LABELS))
    assert silhouette(APART, LABELS) > 0.95
    assert silhouette(MIXED, LABELS) < 0.1


def test_it_is_that_of_the_vectors_and_not_of_the_picture():
    found = embedding("x", MIXED, LABELS)
    assert found.silhouette == pytest.approx(silhouette_by_hand(MIXED, LABELS))
    assert found.silhouette != pytest.approx(silhouette_by_hand(found.points, LABELS), abs=0.01)


def test_the_picture_keeps_neighbours_and_is_seeded():
    found = tsne(APART)
    assert found.shape == (30, 2)
    assert nearest_share(found) == 1.0
    assert nearest_share(tsne(MIXED)) < 0.7
    assert (tsne(APART) == found).all()
    assert (tsne(APART, seed=1) != found).any()


def test_four_examples_are_enough():
    assert embedding("x", APART[:4], LABELS[:4]).points.shape == (4, 2)  # perplexity 1


@pytest.mark.parametrize(
    ("vectors", "labels", "message"),
    [
        (APART[:3], LABELS[:3], r"'x': got vectors of shape \(3, 8\) and labels of shape \(3,\)"),
        (APART, LABELS[:3], r"\(30, 8\) and labels of shape \(3,\)"),
        (APART[:, 0], LABELS, r"vectors of shape \(30,\)"),
        (APART, LABELS * 0, "30 examples of 1 classes cannot be separated"),
        (APART, np.arange(30), "30 examples of 30 classes cannot be separated"),
    ],
)
def test_what_cannot_be_shown(vectors, labels, message):
    with pytest.raises(UserError, match=message):
        embedding("x", vectors, labels)


def texts_of(path):
    return [element.text for element in ElementTree.parse(path).iter() if element.tag.endswith("}text")]


def test_the_figure_has_titles_numbers_a_legend_and_every_point(tmp_path):
    found = [embedding("supervised, N = 20", MIXED, LABELS), embedding("cost $5 $6", APART, LABELS)]
    path = tmp_path / "figures" / "test.svg"
    embedding_figure(found, path, label_names=NAMES)
    texts = texts_of(path)
    numbers = [f"silhouette {one.silhouette:.2f}".replace("-", "−") for one in found]
    assert {"supervised, N = 20", "cost $5 $6", *numbers, *NAMES} <= set(texts)
    svg = path.read_text()
    for colour in COLOURS[:3]:
        marks = len(re.findall(rf"<use [^>]*fill: {colour}", svg, flags=re.IGNORECASE))
        assert marks == 2 * 10 + 1  # ten points in each of two panels, and the legend
    first = path.read_bytes()
    embedding_figure(found, path, label_names=NAMES)
    assert path.read_bytes() == first


def test_more_classes_than_colours_differ_by_marker(tmp_path):
    labels = np.arange(30) % 10
    embedding_figure([embedding("x", MIXED, labels)], tmp_path / "a.svg", label_names=[f"c{i}" for i in range(10)])
    svg = (tmp_path / "a.svg").read_text()
    shapes = {
        shape
        for shape, colour in re.findall(r'<use xlink:href="#(\w+)"[^>]*fill: (#\w+)', svg)
        if colour == COLOURS[0].lower()
    }
    assert len(shapes) >= 2


def test_four_panels_take_two_rows(tmp_path):
    one = embedding("x", APART, LABELS)
    sizes = []
    for count in (1, 3, 4):
        embedding_figure([one] * count, tmp_path / "a.svg", label_names=NAMES)
        assert texts_of(tmp_path / "a.svg").count("x") == count
        sizes.append(
            tuple(map(float, re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', (tmp_path / "a.svg").read_text()).groups()))
        )
    assert sizes[1][0] == pytest.approx(3 * sizes[0][0])
    assert sizes[2][0] == pytest.approx(sizes[1][0])
    assert sizes[2][1] > 1.5 * sizes[1][1]


def test_what_cannot_be_drawn(tmp_path):
    one = embedding("x", APART, LABELS)
    with pytest.raises(UserError, match=r"a\.png: a figure takes at least one embedding and a path that ends in \.svg"):
        embedding_figure([one], tmp_path / "a.png", label_names=NAMES)
    with pytest.raises(UserError, match="at least one embedding"):
        embedding_figure([], tmp_path / "a.svg", label_names=NAMES)
