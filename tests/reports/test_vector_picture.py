import re
from xml.etree import ElementTree

import numpy as np
import pytest

from cmploss.reports.figures import COLOURS, draw_vectors, silhouette, tsne

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


def test_the_picture_keeps_neighbours_and_is_seeded():
    found = tsne(APART)
    assert found.shape == (30, 2)
    assert nearest_share(found) == 1.0
    assert nearest_share(tsne(MIXED)) < 0.7
    assert (tsne(APART) == found).all()
    assert (tsne(APART, seed=1) != found).any()


def texts_of(path):
    return [element.text for element in ElementTree.parse(path).iter() if element.tag.endswith("}text")]


def test_the_figure_has_titles_numbers_a_legend_and_every_point(tmp_path):
    found = {"supervised, N = 20": MIXED, "cost $5 $6": APART}
    path = tmp_path / "figures" / "test.svg"
    draw_vectors(path, found, LABELS, NAMES)
    # Numbers of the vectors, not of the picture.
    numbers = [f"silhouette {silhouette_by_hand(one, LABELS):.2f}".replace("-", "−") for one in found.values()]
    assert {*found, *numbers, *NAMES} <= set(texts_of(path))
    svg = path.read_text()
    for colour in COLOURS[:3]:
        marks = len(re.findall(rf"<use [^>]*fill: {colour}", svg, flags=re.IGNORECASE))
        assert marks == 2 * 10 + 1  # ten points in each of two panels, and the legend
    first = path.read_bytes()
    draw_vectors(path, found, LABELS, NAMES)
    assert path.read_bytes() == first


def test_more_classes_than_colours_differ_by_marker(tmp_path):
    draw_vectors(tmp_path / "a.svg", {"x": MIXED}, np.arange(30) % 10, [f"c{i}" for i in range(10)])
    svg = (tmp_path / "a.svg").read_text()
    shapes = {
        shape
        for shape, colour in re.findall(r'<use xlink:href="#(\w+)"[^>]*fill: (#\w+)', svg)
        if colour == COLOURS[0].lower()
    }
    assert len(shapes) >= 2


def test_four_panels_take_two_rows_and_four_examples_are_enough(tmp_path):
    sizes = []
    for count in (1, 3, 4):
        names = [f"x{number}" for number in range(count)]
        draw_vectors(tmp_path / "a.svg", dict.fromkeys(names, APART[:4]), LABELS[:4], NAMES)  # perplexity 1
        assert set(names) <= set(texts_of(tmp_path / "a.svg"))
        sizes.append(
            tuple(map(float, re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', (tmp_path / "a.svg").read_text()).groups()))
        )
    assert sizes[1][0] == pytest.approx(3 * sizes[0][0])
    assert sizes[2][0] == pytest.approx(sizes[1][0])
    assert sizes[2][1] > 1.5 * sizes[1][1]


def test_names_of_classes_are_written_as_they_are(tmp_path):
    """Two $ would begin mathematics, which may be faulty; a label with _ at its start is left out of legends."""
    names = ("a $# b $", "US$ & CA$", "_other")
    draw_vectors(tmp_path / "a.svg", {"x": MIXED}, LABELS, names)
    found = [text.lstrip("\u200b") for text in texts_of(tmp_path / "a.svg") if text]
    assert {*names} <= {*found}
