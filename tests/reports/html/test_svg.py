"""Pictures: where things stand, and that names cannot break out of them."""

import re
from xml.etree import ElementTree

import pytest

from cmploss.experiment.statistics import PairedDifference
from cmploss.reports.curves import COLOURS, MARKERS, Curve
from cmploss.reports.html.charts import Cost, cost_chart, curves_chart, forest_chart, paired_chart
from cmploss.reports.html.svg import _SHAPES, WIDTH, marker

HOSTILE = '</text><script>alert("1")</script>'


def dots_of(svg):
    """Horizontal place of every marker."""
    return [float(x) for x in re.findall(r'class="dot" transform="translate\(([\d.-]+),', str(svg))]


def line_of(svg, name):
    """(x1, x2) of the first line of a class."""
    found = re.search(rf'class="{name}" x1="([\d.-]+)" x2="([\d.-]+)"', str(svg))
    return tuple(map(float, found.groups()))


def forest(mean, low=float("nan"), high=float("nan"), margin=1.0, name="a"):
    gap = PairedDifference(mean, low, high, None, 5)
    return forest_chart({name: gap}, {name: 0}, margin=margin, alt=name, xlabel=name)


def paired(scores, word=""):
    slots = {name: slot for slot, name in enumerate(scores)}
    return paired_chart(scores, slots, alt=word, xlabel=word, block=word or "seed")


def test_places_are_proportional_and_the_mean_is_a_stroke():
    svg = paired({"a": {0: 10.0, 1: 20.0, 2: 30.0}})
    first, middle, last = dots_of(svg)
    assert middle - first == pytest.approx(last - middle, abs=0.2)
    assert line_of(svg, "centre")[0] == pytest.approx(middle, abs=0.2)


def test_a_line_joins_the_runs_of_one_seed():
    nan = float("nan")
    svg = str(paired({"a": {0: 10.0, 1: nan}, "b": {0: 12.0, 1: 14.0, 2: 13.0}}))
    lines = [points.split() for points in re.findall(r'class="pair" points="([^"]*)"', svg)]
    assert [len(points) for points in lines] == [2, 1, 1]
    dots = dots_of(svg)
    assert [float(point.split(",")[0]) for point in lines[0]] == dots[:2]
    assert len(dots) == 4
    assert "seed 1: a –, b 14.0" in svg
    assert "nan" not in svg


@pytest.mark.parametrize(("mean", "text"), [(-30.0, "← −30.0"), (30.0, "+30.0 →"), (0.2, None)])
def test_a_reference_row_far_away_does_not_squeeze_the_others(mean, text):
    gaps = {"a": PairedDifference(0.5, -1.0, 2.0, None, 5)}
    alone = forest_chart(gaps, {"a": 0}, margin=1.0, alt="", xlabel="")
    far = {"probe": PairedDifference(mean, float("nan"), float("nan"), None, 5)}
    svg = forest_chart(gaps, {"a": 0}, far, margin=1.0, alt="", xlabel="")
    assert line_of(svg, "interval") == line_of(alone, "interval")
    assert len(dots_of(svg)) == (2 if text is None else 1)
    assert text is None or f">{text}</text>" in svg
    only = forest_chart({}, {}, far, margin=1.0, alt="", xlabel="")
    assert len(dots_of(only)) == 1


def test_the_interval_zero_and_the_margin_have_their_places():
    svg = forest(5.0, 2.0, 8.0, margin=2.0)
    low, high = line_of(svg, "interval")
    (mean,) = dots_of(svg)
    zero, _ = line_of(svg, "zero")
    assert (low + high) / 2 == pytest.approx(mean, abs=0.2)
    assert (mean - zero) / (high - low) == pytest.approx(5 / 6, abs=0.01)
    x, width = map(float, re.search(r'class="margin" x="([\d.]+)" y="12" width="([\d.]+)"', str(svg)).groups())
    assert (x + width / 2, x + width) == pytest.approx((zero, low), abs=0.2)


def test_a_difference_without_an_interval_is_a_marker():
    assert "interval" not in forest(5.0)


def test_the_edge_goes_in_steps_from_the_cheapest_to_the_right():
    points = [Cost("a", 0, 2.0, 80.0, 1.0), Cost("b", 1, 1.0, 70.0, float("nan")), Cost("c", 2, 3.0, 75.0, 1.0)]
    svg = str(cost_chart(points, alt="", xlabel="", ylabel=""))
    (edge,) = re.findall(r'class="edge" points="([^"]*)"', svg)
    corners = [tuple(map(float, corner.split(","))) for corner in edge.split()]
    a, b, _ = dots_of(svg)
    assert [x for x, _ in corners] == [b, b, a, a, WIDTH - 14.0]
    assert corners[1][1] == corners[2][1] > corners[3][1] == corners[4][1]


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
    drawn = [
        paired({"a": {0: value}}),
        forest(value, value, value),
        cost_chart([Cost("a", 0, value, value, 0.0)], alt="", xlabel="", ylabel=""),
    ]
    for svg in drawn:
        assert len(dots_of(svg)) == 1
        assert 2 <= svg.count('class="middle"') <= 12


def test_names_are_text():
    curve = curves_chart(
        {HOSTILE: Curve([1], [2.0])}, {HOSTILE: 3}, alt=HOSTILE, xlabel=HOSTILE, ylabel=HOSTILE, xticks={1: HOSTILE}
    )
    dots, effects = paired({HOSTILE: {0: 1.0}}, HOSTILE), forest(1.0, 0.0, 2.0, name=HOSTILE)
    for svg in (curve, dots, effects):
        tree = ElementTree.fromstring(svg)
        assert [node for node in tree.iter() if "script" in node.tag] == []
        assert tree.get("aria-label") == HOSTILE
