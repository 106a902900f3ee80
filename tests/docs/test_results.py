"""The tables of the README and of the first page of the docs say what the committed records say."""

from pathlib import Path

import pytest

from cmploss.experiment import read_records
from cmploss.reports import comparison_table, in_words
from cmploss.reports.formatting import difference_text, mark, mean_text, p_text
from cmploss.studies import DEFAULT_OBJECTIVES

ROOT = Path(__file__).parents[2]
SHOWN = [("README.md", "helpdesk-demo"), ("docs/start.md", "helpdesk-demo")]


@pytest.mark.parametrize(("page", "name"), SHOWN)
def test_the_page_shows_the_records(page, name):
    table = comparison_table(read_records(ROOT / "results" / name), order=DEFAULT_OBJECTIVES)
    text = (ROOT / page).read_text(encoding="utf-8")
    lines = [" ".join(line.split()) for line in text.splitlines()]
    for row in table.rows:
        assert row.n == 5
        cells = [row.objective, mean_text(row.mean, row.sd, row.n), difference_text(row.difference)]
        cells.append(p_text(row.corrected) + mark(row.corrected))
        assert any(line.startswith(" ".join(cells)) for line in lines), cells
    assert f"Verdict: {in_words(table)}" in " ".join(lines)
