"""Pictures: where things stand, and that names cannot break out of them."""

import re
from xml.etree import ElementTree

import pytest

from cmploss.reports.curves import COLOURS, MARKERS, Curve
from cmploss.reports.html.charts import Dots, curves_chart, dots_chart
from cmploss.reports.html.svg import _SHAPES, WIDTH, marker

HOSTILE = '</text><script>alert("1")</script>'


def dots_of(svg):
    """Horizontal place of every marker."""
    return [float(x) for x in re.findall(r'class="dot" transform="translate\(([\d.-]+),', str(svg))]


def line_of(svg, name):
    """(x1, x2) of the first line of a class."""
    found = re.search(rf'class="{name}" x1="([\d.-]+)" x2="([\d.-]+)"', str(svg))
    return tuple(map(float, found.groups()))


def test_places_are_proportional_and_the_interval_is_around_the_centre():
    svg = dots_chart([Dots("a", 0, {0: 10.0, 1: 20.0, 2: 30.0}, 20.0, 12.5, 27.5)], alt="", xlabel="")
    first, middle, last = dots_of(svg)
    assert middle - first == pytest.approx(last - middle, abs=0.2)
    low, high = line_of(svg, "interval")
    assert (low - first) / (last - first) == pytest.approx(2.5 / 20, abs=0.01)
    assert (low + high) / 2 == pytest.approx(middle, abs=0.2)
    assert line_of(svg, "centre")[0] == pytest.approx(middle, abs=0.2)


def test_what_is_not_known_is_not_drawn():
    nan = float("nan")
    svg = dots_chart([Dots("a", 0, {0: 10.0, 1: nan}, nan, nan, nan)], alt="", xlabel="")
    assert len(dots_of(svg)) == 1
    assert "interval" not in svg
    assert "centre" not in svg
    assert "nan" not in svg


def test_zero_is_drawn_and_within_the_picture():
    svg = dots_chart([Dots("a", 0, {0: 5.0}, 5.0, 4.0, 6.0)], alt="", xlabel="", zero=True)
    place, _ = line_of(svg, "zero")
    assert 0 < place < dots_of(svg)[0] < WIDTH


def test_a_band_is_drawn_where_there_is_a_deviation():
    def drawn(sd):
        curve = Curve(list(range(7)), [3.0] * 7, sd)
        return curves_chart({"a": curve}, {"a": 0}, alt="", xlabel="", ylabel="")

    assert 'class="band"' in drawn([1.0] * 7)
    assert 'class="band"' not in drawn(())


def test_a_few_places_have_bars_beside_one_another():
    curves = {"a": Curve([1, 2], [3.0, 5.0], [1.0, 0.5]), "b": Curve([1, 2], [3.0, 4.0])}
    svg = str(curves_chart(curves, {"a": 0, "b": 1}, alt="", xlabel="", ylabel=""))
    assert "band" not in svg
    bars = [
        tuple(map(float, found)) for found in re.findall(r'class="bar" x1="(.*?)" x2=".*?" y1="(.*?)" y2="(.*?)"', svg)
    ]
    (one, high, low), (_, shorter_high, shorter_low) = bars
    assert (low - high) / (shorter_low - shorter_high) == pytest.approx(2, rel=0.01)
    lines = re.findall(r'class="line" points="([\d.]+),([\d.]+) ', svg)
    (x, y), (beside, same) = (tuple(map(float, start)) for start in lines)
    assert (x, (high + low) / 2) == pytest.approx((one, y), abs=0.1)
    assert (beside - x, same) == pytest.approx((3, y), abs=0.1)


def test_a_larger_value_stands_higher():
    svg = curves_chart({"a": Curve([1, 2], [3.0, 5.0])}, {"a": 0}, alt="", xlabel="", ylabel="")
    (line,) = re.findall(r'class="line" points="([^"]*)"', svg)
    (x1, y1), (x2, y2) = (map(float, point.split(",")) for point in line.split())
    assert x1 < x2
    assert y1 > y2


def test_points_say_their_numbers_as_the_axis_does():
    curve = Curve([4.6, 6.9], [3.0, 5.0])
    svg = curves_chart({"a": curve}, {"a": 0}, alt="", xlabel="", ylabel="", xticks={4.6: "100", 6.9: "1000"})
    assert re.findall("<title>(.*?)</title>", svg) == ["a: 3 at 100", "a: 5 at 1000"]


def test_every_marker_has_a_shape():
    assert list(_SHAPES) == list(MARKERS)


def test_sixty_four_things_look_different():
    looks = {(slot % len(COLOURS), re.search(' d="(.*?)"', marker(slot, 0, 0, 1))[1]) for slot in range(64)}
    assert len(looks) == 64


@pytest.mark.parametrize("value", [0.0, 1e-9, 1e9])
def test_one_value_is_a_picture_too(value):
    svg = dots_chart([Dots("a", 0, {0: value}, value, value, value)], alt="", xlabel="")
    assert len(dots_of(svg)) == 1
    assert 2 <= svg.count('class="middle"') <= 12


def test_names_are_text():
    curve = curves_chart(
        {HOSTILE: Curve([1], [2.0])}, {HOSTILE: 3}, alt=HOSTILE, xlabel=HOSTILE, ylabel=HOSTILE, xticks={1: HOSTILE}
    )
    dots = dots_chart([Dots(HOSTILE, 1, {0: 1.0}, 1.0, 0.0, 2.0)], alt=HOSTILE, xlabel=HOSTILE)
    for svg in (curve, dots):
        tree = ElementTree.fromstring(svg)
        assert [node for node in tree.iter() if "script" in node.tag] == []
        assert tree.get("aria-label") == HOSTILE
