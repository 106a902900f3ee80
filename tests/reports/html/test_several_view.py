"""The section about several data sets: the picture of mean ranks, and its place on the page."""

import re
from itertools import pairwise

import pytest

from cmploss.reports.html import StudyRuns, report_page
from cmploss.reports.html.several_view import rank_picture
from cmploss.reports.several_data import several_data
from tests.reports.html.looking import HOSTILE, hard_to_follow, overflow
from tests.reports.html.studies import rows_in
from tests.reports.runs import changed, records_of
from tests.reports.test_several_data import table_of

GAINS = {"supervised": 0.0, "no_dropout": -1.0, "comparative": 5.0, "scl": 3.0}  # comparative is always the first
SLOTS = {name: slot for slot, name in enumerate(GAINS)}


def studies(names=SLOTS, count=8):
    """Gains that vary a little between data sets."""
    found = []
    for place in range(count):
        scores = [[60 + place + gap * (1 + place % 3 / 9)] * 3 for gap in GAINS.values()]
        records = records_of(dict(zip(names, scores, strict=True)), task=f"d{place}")
        found.append(StudyRuns(f"study {place}", records))
    return found


def test_the_picture_has_a_place_for_each_mean_rank_and_a_line_for_each_group():
    scores = [{name: 70 + gap for name, gap in GAINS.items()} for _ in range(5)]
    found = several_data(table_of(f"d{place}", of) for place, of in enumerate(scores))
    picture = rank_picture(found, SLOTS)
    assert rows_in(picture) == [
        ["objective", "mean rank"],
        ["comparative", "1.0"],
        ["scl", "2.0"],
        ["supervised", "3.0"],
        ["no_dropout", "4.0"],
    ]
    places = [float(x) for x in re.findall(r'class="dot" transform="translate\(([\d.]+),', picture.svg)]
    assert [after - before for before, after in pairwise(places)] == pytest.approx([places[1] - places[0]] * 3, abs=0.2)
    # the critical difference, 2.569 · √(4 · 5 / 30) = 2.10, is as long on the axis of ranks; both lines are vertical
    lines = re.findall(r'<line class="centre" x1="([\d.]+)" x2="([\d.]+)" y1="([\d.]+)" y2="([\d.]+)"', picture.svg)
    (x1, x2, *_), *others = [[float(number) for number in line] for line in lines]
    assert (x2 - x1) / (places[1] - places[0]) == pytest.approx(2.10, abs=0.01)
    groups = [line for line in others if line[3] - line[2] > 20]
    assert [x1 == x2 for x1, x2, *_ in groups] == [True, True]
    assert found.ranks.groups == [("comparative", "scl", "supervised"), ("scl", "supervised", "no_dropout")]
    assert groups[1][2] - groups[0][2] == groups[1][3] - groups[0][3] == 44.0  # one row further down
    assert "Not different: comparative and scl and supervised; scl and" in picture.svg


def test_without_a_test_there_is_no_critical_difference():
    found = several_data(table_of(f"d{place}", {name: 70 + gap for name, gap in GAINS.items()}) for place in range(2))
    picture = rank_picture(found, SLOTS)
    assert "critical" not in picture.svg + picture.text
    assert 'class="centre"' not in picture.svg


def test_the_page_begins_with_all_data_sets(opened):
    page = opened(report_page(studies()), width=1400)
    assert (page.complaints, hard_to_follow(page)) == ([], [])
    assert page.locator(".headline").first.text_content() == "Better 2 objectives are better than supervised"
    for part in (".headline", ".answer", ".first table", ".first figure > svg"):
        box = page.locator(part).first.bounding_box()
        assert box["y"] + box["height"] < 900, part
    assert page.locator(".heat .ranks").count() == 0  # the ranks of data sets are in the picture


def test_nothing_overflows_on_a_phone(opened):
    names = ("supervised", HOSTILE[2], HOSTILE[3], "comparative(n_drop=1,n_crop=1)+scl")
    page = opened(report_page(studies(names)), width=390)
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert overflow(page) <= 0


def test_data_sets_without_a_shared_seed_have_no_picture_of_differences():
    """As while the shards of a study still run."""
    found = []
    for place in range(2):
        records = records_of({"supervised": [60.0], "comparative": [61.0]}, task=f"d{place}")
        records = [changed(run, seed=int(run.name == "comparative")) for run in records]
        found.append(StudyRuns(f"study {place}", records))
    page = report_page(found)
    assert page.count("Mean ranks") > 0
    assert "Difference from supervised" not in page
