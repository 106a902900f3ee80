"""The tables of what readers did are those of the committed records."""

import re
from pathlib import Path

import pytest

from cmploss.experiment import read_records
from cmploss.reports import comparison_table
from cmploss.reports.curves import CONTEXT_SIZE, inference_series, mean_sd_n
from cmploss.reports.extra_tables import other_measures
from cmploss.reports.formatting import difference_text, mean_text
from tests.docs.pages import cells_of

ROOT = Path(__file__).parents[2]
STUDIES = {
    "squad-1500": "**SQuAD, one paragraph**",
    "squad-paragraphs": "**SQuAD, four paragraphs**",
    "hotpotqa": "**HotpotQA**",
}


def expected(study):
    """The lines of the table: both measures, the difference, and F1 by the number of paragraphs where it was asked."""
    runs = read_records(ROOT / "results" / study)
    table = comparison_table(runs)
    exact = other_measures(table)["exact_match"]
    sizes = inference_series(CONTEXT_SIZE, runs, [row.objective for row in table.rows])
    return {
        row.objective: [
            exact[place],
            mean_text(row.mean, row.sd, row.n),
            difference_text(row.difference),
            *(mean_text(*mean_sd_n(scores)) for scores in sizes.get(row.objective, {}).values()),
        ]
        for place, row in enumerate(table.rows)
    }


@pytest.mark.parametrize("study", STUDIES)
def test_the_docs_show_the_records(study):
    text = (ROOT / "docs" / "question_answering.md").read_text(encoding="utf-8")
    section = text.partition(STUDIES[study])[2]
    table = [cells_of(line) for line in re.search(r"\n(\| objective .*?)\n\n", section, re.DOTALL)[1].splitlines()[2:]]
    assert {name: shown for name, *shown in table} == expected(study)
