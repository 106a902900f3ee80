"""axe-core finds nothing on the page, folded parts included."""

import pytest

from cmploss.reports.html import StudyRuns, report_page
from tests.reports.html.studies import two_objectives
from tests.reports.html.test_best_view import BEST
from tests.reports.runs import changed, records_of

SHA = "b" * 64
GAPS = {"supervised": 0.0, "comparative": 3.0, "scl": 1.0, "rdrop": -2.0}
TEXTS = {SHA: [("the first", ""), ("a second one", ""), ("number three", ""), ("the last", "")]}


def findings(page):
    """The rules that are broken, and where first."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install cmploss[browser]")
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    found = axe.Axe().run(page).response["violations"]
    return [(each["id"], each["nodes"][0]["html"]) for each in found]


def one_study():
    simple = records_of({"probe": [50.0, 51.0]}, kind="reference")
    return [StudyRuns("tickets", two_objectives(), texts=TEXTS, references=simple, best=BEST, unfinished={"a": "no"})]


def several_studies():
    """Of four data sets, with a significant difference by ranks."""
    others = [
        StudyRuns(task, records_of({name: [level + gap] * 3 for name, gap in GAPS.items()}, task=task))
        for task, level in (("reviews", 90.0), ("essays", 60.0), ("questions", 75.0))
    ]
    grid = [changed(run, train_size=size) for size in (20, 100) for run in two_objectives(seeds=3)]
    alone = StudyRuns("one row", records_of({"supervised": [60.0, 61.0]}))
    return [*one_study(), StudyRuns("sizes", grid), alone, *others]


@pytest.mark.parametrize("studies", [one_study, several_studies])
@pytest.mark.parametrize(("width", "dark"), [(1400, False), (390, False), (1400, True)])
def test_axe_finds_nothing(opened, studies, width, dark):
    assert findings(opened(report_page(studies()), width=width, dark=dark)) == []


def test_axe_finds_what_is_wrong(opened):
    text = report_page(one_study())
    page = opened(
        text.replace("</footer>", '<img src="data:,"></footer>').replace("--soft: #57606a", "--soft: #b0b0b0")
    )
    assert {rule for rule, _ in findings(page)} == {"color-contrast", "image-alt"}
