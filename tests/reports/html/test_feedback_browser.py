"""The page about feedback in a real browser: it runs, sorts, filters, fits, and shows hostile text as text."""

import csv

import numpy as np
import pytest

from cmploss.reports.html import feedback_page
from tests.reports.feedback.evaluations import drawn, evaluation_of, typical
from tests.reports.html.looking import CONTRAST, HOSTILE, chosen, hard_to_follow, items_shown, overflow

# Against no feedback average changes q1 by +.4 and q3 by −.4, lol, over its seeds, q1 by +.2 and q2 by −.1.
SCORES = {
    ("none", 0): [0.5, 0.5, 0.5, 0.5],
    ("average", 1): [0.9, 0.5, 0.1, 0.5],
    ("lol", 0): np.array([[0.5] * 4] * 2),
    ("lol", 1): np.array([[0.6, 0.4, 0.5, 0.5], [0.8, 0.4, 0.5, 0.5]]),
}


def small(**changes):
    return feedback_page({"mine": evaluation_of(SCORES, **changes)})


def hostile():
    names = [(HOSTILE[0], 2), (HOSTILE[2], 2), (HOSTILE[3], None)]
    scores = {("none", 0): [0.5] * 6, **{key: [0.9, 0.1, 0.5, 0.8, 0.2, 0.4] for key in names}}
    data = evaluation_of(scores).data | {
        "queries": [f"{text} {n}" for n, text in enumerate(HOSTILE)],
        "texts": list(HOSTILE),
    }
    reformulators = {HOSTILE[1]: {"runs": [HOSTILE[2]], "seeds": [0], "settings": {HOSTILE[0]: HOSTILE[3]}}}
    record = evaluation_of(
        scores,
        data=data,
        reformulators=reformulators,
        settings={HOSTILE[0]: HOSTILE[2]},
        environment={HOSTILE[1]: HOSTILE[5]},
        command=f"cmploss --x {HOSTILE[0]} {HOSTILE[2]}",
    )
    return feedback_page({HOSTILE[0]: record})


def ids_shown(page):
    return [line.split(" · ")[0] for line in items_shown(page)]


def test_it_runs_without_complaint_and_asks_for_nothing(opened):
    page = opened(feedback_page({"a": typical(), "b": typical(12)}))
    assert page.complaints == []
    assert [address.rpartition("/")[2] for address in page.asked] == ["report.html"]
    assert page.locator("figure > svg").count() == 2 * (2 + 2 + 4 + 2)
    assert page.locator(".answer").count() == 2


def test_columns_sort_by_number_and_method(opened):
    page = opened(small())
    rows = page.locator(".sortable tbody tr")
    head = page.locator(".sortable th[scope=col]")

    def order():
        return [" ".join(row.locator("th, td").all_text_contents()[:2]) for row in rows.all()]

    assert order() == ["none 0", "average 1", "lol 0", "lol 1"]
    head.nth(2).locator("button").click()
    assert order() == ["none 0", "average 1", "lol 0", "lol 1"]  # .5, .5, .5, .525
    head.nth(2).locator("button").click()
    assert order()[0] == "lol 1"
    assert head.nth(2).get_attribute("aria-sort") == "descending"
    head.nth(6).locator("button").click()  # hurt: none is last, then 0, .25, .25
    assert order() == ["lol 0", "lol 1", "average 1", "none 0"]
    head.first.locator("button").click()
    assert order()[0] == "average 1"


def test_queries_are_filtered_by_effect_and_method_and_the_largest_change_comes_first(opened):
    page = opened(small())
    assert ids_shown(page) == ["q1", "q3", "q2", "q4"]
    effect, method = chosen(page, "Effect"), chosen(page, "of")
    effect.select_option("helped")
    assert ids_shown(page) == ["q1"]
    effect.select_option("hurt")
    assert ids_shown(page) == ["q3", "q2"]
    method.select_option(label="lol")
    assert ids_shown(page) == ["q2"]
    effect.select_option("equal")
    assert ids_shown(page) == ["q3", "q4"]
    method.select_option(label="any method")
    assert ids_shown(page) == ["q4"]
    page.get_by_label("Search").fill("query 1")
    assert page.get_by_role("status").text_content() == "No query fits."


@pytest.mark.parametrize(("words", "found"), [("QUERY 3", ["q3"]), ("q2", ["q2"]), ("text", ["q1", "q3", "q2", "q4"])])
def test_search_looks_at_ids_and_texts(opened, words, found):
    page = opened(small())
    page.get_by_label("Search").fill(words)
    assert ids_shown(page) == found


def test_a_query_has_its_text_and_its_scores_with_and_without_feedback(opened):
    page = opened(small())
    first = page.locator(".items > li").first
    assert first.locator("p").all_text_contents() == ["q1 · without feedback 0.5000", "the text of query 1"]
    assert first.locator("dt").all_text_contents() == ["average", "lol"]
    assert [text.replace("\u00a0", " ") for text in first.locator("dd").all_text_contents()] == [
        "helped by 0.4000 · k = 1: 0.9000",
        "helped by 0.2000 · k = 0: 0.5000, k = 1: 0.7000",
    ]


def test_more_queries_come_on_demand_and_no_more_than_the_page_holds(opened):
    page = opened(feedback_page({"many": evaluation_of(drawn(1200, {("average", 1): [0.0]}))}))
    assert page.get_by_role("status").text_content() == "10 of 500 queries shown"
    assert "The 500 of 1200 queries that change most" in page.evaluate("document.body.innerText")
    page.get_by_role("button", name="Show more").click()
    assert len(ids_shown(page)) == 20


@pytest.mark.parametrize("text_of", [hostile, lambda: feedback_page({"a": typical(40)})], ids=["hostile", "typical"])
def test_nothing_overflows_on_a_phone(opened, text_of):
    page = opened(text_of(), width=390)
    assert overflow(page) <= 0
    page.evaluate("document.body.style.minWidth = '500px'")
    assert overflow(page) > 0  # it would be seen


def test_the_table_of_a_usual_evaluation_fits_a_usual_screen(opened):
    page = opened(feedback_page({"a": typical(40)}))
    width = (
        "document.querySelector('.scores').offsetWidth - document.querySelector('.scores').parentElement.clientWidth"
    )
    assert page.evaluate(width) <= 0


def test_hostile_text_is_text(opened):
    page = opened(hostile())
    assert page.complaints == []
    assert page.title() == f"{HOSTILE[0]} · cmploss report"
    assert page.locator("script").count() == 2  # ours, and the queries
    assert page.locator("img").count() == 0
    shown = page.evaluate("document.body.innerText")
    assert [text for text in (*HOSTILE[:3], *HOSTILE[4:]) if text not in shown] == []
    assert "\u202e" not in page.locator(".answer").text_content()
    assert sorted(page.locator(".items .text").all_text_contents()) == sorted(HOSTILE)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_can_be_read_on_its_ground(opened, dark):
    page = opened(feedback_page({"a": typical(12)}), dark=dark)
    assert 4.5 <= page.evaluate(CONTRAST) < 21
    page.evaluate("document.querySelector('.answer').style.color = '#888'")
    assert page.evaluate(CONTRAST) < 6


def test_a_screen_reader_finds_its_way(opened):
    page = opened(feedback_page({"a": typical(12)}))
    assert hard_to_follow(page) == []


def test_the_scores_of_the_queries_can_be_saved(opened):
    page = opened(small())
    with page.expect_download() as started:
        page.get_by_role("link", name="Data (CSV) of the queries").click()
    assert started.value.suggested_filename == "queries.csv"
    rows = list(csv.reader(started.value.path().read_text(encoding="utf-8").splitlines()))
    assert rows[0] == ["query", "text", "no feedback", "average, k = 1", "lol, k = 0", "lol, k = 1"]
    assert rows[1] == ["q1", "the text of query 1", "0.5", "0.9", "0.5", "0.7"]


@pytest.mark.parametrize(
    "scores",
    [
        {("none", 0): [0.5, 0.6]},
        {("none", 0): [0.5], ("average", 3): [0.7]},
        {("none", 0): [0.5, 0.6], ("average", 1): [0.5, 0.6], ("bm25", None): [0.1, 0.2]},
        {("none", 0): [0.5, 0.6], ("lol", 2): np.array([[0.4, 0.5], [0.3, 0.2]])},
    ],
    ids=["no feedback", "one query", "no change", "seeds without k = 0"],
)
def test_small_evaluations_have_a_page(opened, scores):
    page = opened(feedback_page({"a": evaluation_of(scores)}))
    assert page.complaints == []
    words = page.evaluate("document.body.innerText").lower().split()
    assert [word for word in words if "nan" in word or word in ("none.", "undefined")] == []
    assert page.locator(".answer").text_content().strip()
