"""The Markdown of a study: verdict, table and notes of every comparison, and nothing else."""

import pytest

from cmploss.errors import UserError
from cmploss.reports import comparison_table, in_words, markdown_report, markdown_table
from cmploss.reports.formatting import escape
from cmploss.reports.study_runs import StudyRuns
from tests.reports.runs import changed, records_of

SMALL = records_of({"supervised": [60.0, 64.0], "comparative": [70.0, 71.0]}, train_size=20)
LARGE = records_of({"supervised": [80.0, 84.0], "comparative": [85.0]}, train_size=100)
ORDER = ("supervised", "comparative")


def report(records, title="tickets", order=(), **found):
    study = StudyRuns(title, records, **found)
    return markdown_report(study, study.tables(order=order))


def test_one_comparison_has_its_verdict_its_table_and_its_notes():
    records = [changed(run, data=run.data | {"notes": [f"seed {run.seed} was_changed"]}) for run in SMALL]
    table = comparison_table(records)
    assert report(records, title="a|b", order=ORDER) == (
        f"# a\\|b\n\n{escape(in_words(table))}\n\n{markdown_table(table)}\n"
        "accuracy in percent on test, mean ± sd (runs); selected on validation; samples of 20 training examples; "
        "differences over the seeds that both objectives have.\n\n"
        "- seed 0 was_changed\n- seed 1 was_changed\n"
    )


def test_nothing_selected_and_all_examples():
    page = report([changed(run, selection_split=None, train_size=None) for run in SMALL])
    assert "; nothing was selected; all training examples; " in page


def test_every_comparison_of_a_grid_has_a_section_and_every_axis_a_table():
    page = report([*LARGE, *SMALL], order=ORDER)
    head, small, large = page.split("\n## ")[1:]
    # sd of 60 and 64 is √8, of 70 and 71 √0.5
    assert head.splitlines() == [
        "By training examples: no noise",
        "",
        "| objective | 20 | 100 |",
        "|:--|:--|:--|",
        "| supervised | 62.0 ± 2.8 (2) | 82.0 ± 2.8 (2) |",
        "| comparative | 70.5 ± 0.7 (2) | 85.0 (1) |",
    ]
    for section, name, records in ((small, "20 training examples", SMALL), (large, "100 training examples", LARGE)):
        table = comparison_table(records, order=ORDER)
        assert section.startswith(f"{name}\n\n{escape(in_words(table))}\n\n{markdown_table(table)}")


def test_failures_are_named():
    page = report(SMALL, unfinished={"scl/seed-0": "ValueError: a*b", "scl/seed-1": ""})
    assert "\n## Failed runs\n\n- scl/seed-0: ValueError: a\\*b\n" in page
    assert "Failed" not in report(SMALL)


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(UserError, match="tickets: supervised: two records of seed 0"):
        report([*SMALL, SMALL[0]])
