"""The tables of the README say what the committed records say."""

from pathlib import Path

import pytest

from cmploss.experiment import read_records
from cmploss.reports import comparison_table, in_words
from cmploss.reports.formatting import difference_text, mark, mean_text, p_text
from cmploss.studies import DEFAULT_OBJECTIVES

ROOT = Path(__file__).parents[2]
STUDIES = ("helpdesk-demo", "sst2-100")  # those of the README


@pytest.mark.parametrize("name", STUDIES)
def test_the_readme_shows_the_records(name):
    table = comparison_table(read_records(ROOT / "results" / name), order=DEFAULT_OBJECTIVES)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = [" ".join(line.split()) for line in readme.splitlines()]
    for row in table.rows:
        assert row.n == 5
        cells = [row.objective, mean_text(row.mean, row.sd, row.n), difference_text(row.difference)]
        cells.append(p_text(row.corrected) + mark(row.corrected))
        assert any(line.startswith(" ".join(cells)) for line in lines), cells
    assert f"Verdict: {in_words(table)}" in " ".join(lines)
