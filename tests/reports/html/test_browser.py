"""The page in a real browser: it runs, sorts, filters, fits, and shows hostile text as text."""

import numpy as np
import pytest

from cmploss.reports.html import StudyRuns, report_page
from tests.reports.html.looking import CONTRAST, HOSTILE, chosen, hard_to_follow, items_shown, overflow
from tests.reports.html.studies import run_of, two_objectives
from tests.reports.html.test_best_view import BEST
from tests.reports.runs import changed, record_of, records_of, scores_of

SHA = "b" * 64
TEXTS = {SHA: [("the first", ""), ("a second one", "with its pair"), ("number three", ""), ("the last", "")]}


def page_of(*studies, **options):
    return report_page([StudyRuns(f"study {n}", records, **options) for n, records in enumerate(studies)])


def hostile_study():
    data = record_of("x", 0, 0.0).data | {"label_names": list(HOSTILE[:2]), "notes": list(HOSTILE)}
    settings = {"objective": HOSTILE[0], "training": {HOSTILE[1]: HOSTILE[2]}}
    names = {"supervised": HOSTILE[0], "comparative": HOSTILE[2]}
    return [
        changed(
            run_of(run.name, run.seed, run.predictions["test"]["predictions"]),
            name=names[run.name],
            task=HOSTILE[3],
            measure=HOSTILE[4],
            scores=scores_of(test={HOSTILE[4]: 50.0 + run.seed}),
            data=data,
            settings=settings,
            environment={HOSTILE[0]: HOSTILE[5]},
        )
        for run in two_objectives()
    ]


def large_study(examples, seeds=5, objectives=4):
    draw = np.random.default_rng(0)
    truth = draw.integers(0, 2, examples).tolist()
    return [
        run_of(objective, seed, draw.integers(0, 2, examples).tolist(), truth=truth)
        for objective in ("supervised", "comparative", "equal_compute", "no_dropout")[:objectives]
        for seed in range(seeds)
    ]


def test_it_runs_without_complaint_and_asks_for_nothing(opened):
    page = opened(page_of(two_objectives(), records_of({"supervised": [1.0]}), texts=TEXTS))
    assert page.complaints == []
    (own,) = page.asked
    assert own.endswith("/report.html")
    assert page.locator("figure > svg").count() == 2 + 2 + 1  # runs, training; runs


def test_the_complaints_of_a_page_are_seen(opened):
    page = opened("<!DOCTYPE html><script>console.log('hello'); missing()</script>")
    assert page.complaints[0] == "hello"
    assert "missing" in page.complaints[1]


def test_the_page_forbids_requests_and_other_scripts(opened):
    text = page_of(two_objectives())
    page = opened(text.replace("</footer>", '</footer><img src="http://127.0.0.1:9/x.png"><script>alert(1)</script>'))
    assert sum("Content Security Policy" in complaint for complaint in page.complaints) == 2


def test_columns_sort_in_both_directions_and_unknown_values_are_last(opened):
    scores = {"supervised": [70.0, 72.0], "comparative": [80.0, 82.0], "rdrop": [60.0, 61.0], "scl": [float("nan")] * 2}
    page = opened(page_of(records_of(scores)))
    head = page.locator(".sortable th[scope=col]").nth(1)
    head.locator("button").click()
    rows = page.locator(".sortable tbody th")
    assert rows.all_text_contents() == ["rdrop", "supervised", "comparative", "scl"]
    assert head.get_attribute("aria-sort") == "ascending"
    head.locator("button").press("Enter")
    assert rows.all_text_contents() == ["comparative", "supervised", "rdrop", "scl"]
    assert head.get_attribute("aria-sort") == "descending"
    page.locator(".sortable th[scope=col]").first.locator("button").click()
    assert rows.all_text_contents() == ["comparative", "rdrop", "scl", "supervised"]
    assert head.get_attribute("aria-sort") is None


def test_examples_are_filtered_by_label_winner_and_words(opened):
    page = opened(page_of(two_objectives(), texts=TEXTS))
    assert items_shown(page) == ["#2 · label login", "#3 · label billing", "#4 · label login"]
    chosen(page, "Label").select_option("login")
    assert items_shown(page) == ["#2 · label login", "#4 · label login"]
    chosen(page, "Better").select_option(label="comparative")
    assert items_shown(page) == ["#4 · label login"]
    chosen(page, "Better").select_option(label="supervised")
    chosen(page, "than").select_option(label="comparative")
    assert items_shown(page) == ["#2 · label login"]
    chosen(page, "than").select_option(label="supervised")  # than itself
    assert items_shown(page) == []
    assert page.locator(".count").text_content() == "No example fits."


def test_a_cell_of_the_confusion_matrix_shows_its_examples(opened):
    page = opened(page_of(two_objectives(), texts=TEXTS))
    page.get_by_text("Confusion matrices").click()
    matrix = page.get_by_role("table", name="Confusion matrix of comparative")
    matrix.get_by_role("button", name="2: login taken for billing").click()  # example 2, in two runs
    assert items_shown(page) == ["#2 · label login"]
    assert page.evaluate("document.activeElement.name") == "label"
    chosen(page, "by").select_option(label="supervised")
    assert items_shown(page) == ["#4 · label login"]
    chosen(page, "by").select_option(label="any objective")
    assert items_shown(page) == ["#2 · label login", "#4 · label login"]


def test_text_is_copied(opened):
    page = opened(page_of(two_objectives()))
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").first.click()
    page.get_by_text("Copied.").wait_for()
    assert page.evaluate("navigator.clipboard.readText()").startswith(
        "We compared supervised and comparative on tickets"
    )


def test_a_row_of_the_table_has_two_lines_on_a_phone(opened):
    rows = [
        opened(page_of(two_objectives(seeds=3)), width=width).locator(".first tbody tr").last.locator("> *")
        for width in (1400, 390)
    ]
    tops = [[cell.bounding_box()["y"] for cell in row.all() if cell.is_visible()] for row in rows]
    assert [len(of) for of in tops] == [6, 4]
    assert max(tops[0]) - min(tops[0]) < 2
    assert [round(top - tops[1][0]) > 10 for top in tops[1]] == [False, False, True, True]


def test_the_first_screen_holds_headline_table_and_plot(opened):
    page = opened(page_of(two_objectives(seeds=3)), width=1400)
    for part in (".headline", ".answer", ".first table", ".first figure > svg"):
        box = page.locator(part).first.bounding_box()
        assert box["y"] + box["height"] < 900, part
    assert page.locator(".first table").bounding_box()["x"] < page.locator(".first figure").bounding_box()["x"] - 100


@pytest.mark.parametrize(("words", "number"), [("SECOND", "#2"), ("its pair", "#2"), ("three", "#3"), ("#4", "#4")])
def test_search_looks_at_texts_pairs_and_numbers(opened, words, number):
    page = opened(page_of(two_objectives(), texts=TEXTS))
    page.get_by_label("Search").fill(words)
    assert [line.split()[0] for line in items_shown(page)] == [number]


def test_more_examples_come_on_demand(opened):
    page = opened(page_of(large_study(examples=60, seeds=1)))
    assert len(items_shown(page)) == 10
    page.get_by_role("button", name="Show more").click()
    assert len(items_shown(page)) == 20
    assert page.locator(".count").text_content().startswith("20 of ")


@pytest.mark.parametrize(
    "study", [hostile_study, lambda: large_study(examples=500), lambda: records_of({"a b" * 40: [1.0]})]
)
def test_nothing_overflows_on_a_phone(opened, study):
    page = opened(
        page_of(study(), texts={SHA: [(HOSTILE[2], HOSTILE[2])] * 4} if study is hostile_study else {}), width=390
    )
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert overflow(page) <= 0
    page.evaluate("document.body.style.minWidth = '500px'")
    assert overflow(page) > 0  # it would be seen


def test_hostile_text_is_text(opened):
    texts = {SHA: [(text, text) for text in HOSTILE[:4]]}
    page = opened(page_of(hostile_study(), texts=texts, unfinished=dict.fromkeys(HOSTILE, HOSTILE[0])))
    assert page.complaints == []
    assert page.title() == "study 0 · cmploss report"
    assert page.locator("script").count() == 2  # ours, and the examples
    assert page.locator("img").count() == 0
    shown = page.evaluate("document.body.innerText")
    assert [text for text in (*HOSTILE[:3], *HOSTILE[4:]) if text not in shown] == []
    assert "\u202e" not in page.locator(".question").text_content()  # it would turn the sentence round
    assert page.locator(".items .text").all_text_contents() == list(HOSTILE[1:4])
    chosen(page, "Label").select_option(HOSTILE[1])
    assert len(items_shown(page)) == 2


def test_missing_scores_of_a_grid_and_of_several_studies_are_dashes(opened):
    broken = {"supervised": [80.0, float("nan")], "comparative": [81.0, 82.0]}
    grid = [changed(run, train_size=size) for size in (20, 100) for run in records_of(broken)]
    page = opened(page_of(grid, records_of(broken)))
    assert page.complaints == []
    said = "[document.body.innerText, ...[...document.querySelectorAll('[aria-label]')].map((e) => e.ariaLabel)]"
    assert [text for text in page.evaluate(said) if "nan" in text.lower()] == []


def test_fewer_pairs_than_runs_are_counted(opened):
    page = opened(page_of(records_of({"supervised": [80.0, 81.0], "comparative": [81.0, 82.0, 83.0]})))
    assert page.locator("td", has_text="+1.0").first.text_content() == "+1.0 (2 pairs)"


def test_the_table_of_all_comparisons_sorts_and_shows_differences(opened):
    grid = [
        changed(run, train_size=size)
        for size, scores in ((20, [60.0, 61.0]), (100, [80.0, 85.0]), (50, [70.0, 75.0]))
        for run in records_of({"supervised": [70.0, 71.0], "comparative": scores})
    ]
    page = opened(page_of(grid))
    table = page.locator(".heat")
    table.locator("button", has_text="comparative").click()
    assert [text.split()[0] for text in table.locator("tbody:last-child th").all_text_contents()] == ["20", "50", "100"]
    table.locator("button", has_text="comparative").click()
    assert [text.split()[0] for text in table.locator("tbody:last-child th").all_text_contents()] == ["100", "50", "20"]
    assert table.locator("tbody:last-child tr").first.locator("td").all_text_contents() == [
        "baseline70.5 ± 0.7 (2)",
        "+12.082.5 ± 3.5 (2)",
    ]
    assert table.locator(".ranks td").all_text_contents() == ["1.67", "1.33"]


@pytest.mark.parametrize(
    "records",
    [
        records_of({"supervised": [80.0]}),
        records_of({"supervised": [80.0, 81.0, 82.0]}),
        records_of({"supervised": [80.0, float("nan")], "comparative": [float("nan"), float("nan")]}),
        records_of({"rdrop": [80.0], "scl": [81.0]}),
    ],
    ids=["one run", "one objective", "failed runs", "no baseline"],
)
def test_small_and_broken_studies_have_a_page(opened, records):
    page = opened(page_of(records, unfinished={"supervised/seed-7": ""}))
    assert page.complaints == []
    assert "nan" not in page.evaluate("document.body.innerText").lower()
    assert "1 run has not finished" in page.locator(".warning").text_content()
    assert page.locator(".answer").text_content().strip()


def test_of_five_thousand_examples_a_page_shows_ten(opened):
    text = page_of(large_study(examples=5000, objectives=2), texts={SHA: [("some words of a text " * 8, "")] * 5000})
    assert len(text) < 400_000
    page = opened(text)
    assert len(items_shown(page)) == 10


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_can_be_read_on_its_ground(opened, dark):
    page = opened(page_of(two_objectives(), texts=TEXTS, unfinished={"a": "no room"}), dark=dark)
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert 4.5 <= page.evaluate(CONTRAST) < 21
    page.evaluate("document.querySelector('.answer').style.color = '#888'")
    assert page.evaluate(CONTRAST) < 6


def test_an_objective_has_one_colour_in_every_figure(opened):
    page = opened(page_of(two_objectives()))
    colours = page.evaluate(
        """() => Object.fromEntries(["s0", "s3"].map((name) => [name, [...new Set(
             [...document.querySelectorAll(`.${name} .dot`)].map((dot) => getComputedStyle(dot).fill))]]))"""
    )
    assert colours == {"s0": ["rgb(0, 114, 178)"], "s3": ["rgb(204, 121, 167)"]}  # Okabe and Ito: blue and purple


def test_a_screen_reader_finds_its_way(opened):
    page = opened(page_of(two_objectives(), texts=TEXTS))
    assert hard_to_follow(page) == []
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the results"


def test_the_numbers_of_a_figure_can_be_saved(opened):
    page = opened(page_of(two_objectives()))
    with page.expect_download() as started:
        page.locator("figcaption a").first.click()
    lines = started.value.path().read_text(encoding="utf-8").splitlines()
    assert started.value.suggested_filename == "difference_from_supervised.csv"
    assert lines[:2] == ["objective,difference,low,high", "comparative,25.0,nan,nan"]


def test_the_command_and_settings_are_open_on_paper(opened):
    page = opened(page_of(two_objectives()))
    assert page.locator("details:not([open])").count() == 4
    page.pdf()
    assert page.locator("details[open]").count() == page.locator("details").count() == 5


def test_paper_has_the_verdict_first_and_the_rest_in_an_appendix(opened):
    page = opened(page_of(two_objectives(seeds=3), best=BEST))
    heading = page.get_by_role("heading", name="Appendix")
    assert heading.count() == 0
    page.emulate_media(media="print")
    places = [
        page.locator(part).first.bounding_box()["y"]
        for part in (
            ".headline",
            ".first table",
            "text=Best model",
            "text=How sure",
            "text=Appendix",
            ".appendix figure",
        )
    ]
    assert places == sorted(places)
    assert page.evaluate("getComputedStyle(document.querySelector('.appendix')).breakBefore") == "page"


def test_a_table_that_goes_on_has_a_shadow(opened):
    page = opened(page_of(two_objectives(seeds=3), records_of({"a" * 30: [1.0] * 3, "b" * 30: [2.0] * 3})), width=390)
    box = page.locator(".scroll:has(.heat)")
    page.wait_for_selector(".cut:has(.heat)")
    box.evaluate("(each) => { each.scrollLeft = each.scrollWidth; }")
    page.wait_for_selector(".scroll:not(.cut):has(.heat)")
    assert page.locator(".first .cut").count() == 0  # its rows have two lines
