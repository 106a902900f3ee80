"""A study of several cells as Markdown and LaTeX."""

from cmploss.reports import latex_table, markdown_report
from cmploss.reports.export import latex_text, markdown_text
from cmploss.reports.table import comparison_table
from tests.reports.runs import records_of

SCORES = {"comparative": [70.0, 72.0], "supervised": [60.0, 61.0]}
ORDER = ["supervised", "comparative"]
SMALL, LARGE = records_of(SCORES, train_size=20), records_of(SCORES, train_size=100)


def test_one_cell_is_the_page_that_compare_writes():
    assert markdown_text("tickets", SMALL) == markdown_report(SMALL, order=ORDER)


def test_every_cell_has_a_page_and_a_table():
    page = markdown_text("tickets", [*LARGE, *SMALL])
    assert [line for line in page.splitlines() if line.startswith("# ")] == [
        "# tickets: 20 training examples",
        "# tickets: 100 training examples",
    ]
    tables = latex_text("tickets", [*LARGE, *SMALL], baseline="comparative")
    small = latex_table(comparison_table(SMALL, baseline="comparative", order=ORDER))
    assert tables.startswith(f"% tickets: 20 training examples\n{small}\n% tickets: 100 training examples\n")
