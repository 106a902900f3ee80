"""Rows of simple models: above the objectives, outside the tests, and in the verdict."""

import io
from dataclasses import replace

from rich.console import Console

from cmploss.experiment.grouping import comparisons_of
from cmploss.reports import comparison_table, in_words, latex_table, markdown_table, rich_table
from tests.reports.runs import records_of

RUNS = records_of({"supervised": [70.0, 72.0, 71.0, 73.0, 74.0], "comparative": [74.0, 75.0, 76.0, 77.0, 80.0]})
PROBES = records_of({"probe": [75.0, 77.0, 78.0, 80.0, 80.0]})


def table_of(references, runs=RUNS):
    return comparison_table(runs, references=references)


def test_rows_change_no_test_and_no_other_row():
    plain, table = table_of(()), table_of(PROBES)
    assert table.rows == plain.rows
    (row,) = table.references
    assert (row.mean, row.n, row.corrected) == (78.0, 5, None)
    assert row.difference.mean == 6.0  # 78 against 72


def test_the_verdict_says_when_no_row_beats_the_probe():
    assert "No fine-tuned row beats probe (78.0 ± 2.1 (5))." in in_words(table_of(PROBES))
    better = [replace(run, scores=[replace(run.scores[0], value=run.scores[0].value - 3)]) for run in PROBES]
    assert in_words(table_of(better)) == in_words(table_of(()))


def test_every_format_shows_them_above_a_rule():
    table = table_of(PROBES)
    lines = markdown_table(table).splitlines()
    assert lines[2].startswith("| *probe* | 78.0 ± 2.1 (5) | +6.0 | – |")
    assert lines[2].split("|")[4].strip() == "–"
    assert "probe: logistic or ridge regression on the frozen encoder" in lines[-1]
    body = latex_table(table).partition(r"\midrule")[2]
    assert body.index("probe") < body.index(r"\midrule") < body.index("supervised")
    shown = io.StringIO()
    Console(file=shown, width=120).print(rich_table(table))
    first = [line.split()[0] for line in shown.getvalue().splitlines()]
    assert first == ["objective", "probe", "───────────", "supervised", "comparative"]


def test_without_them_nothing_changes():
    assert "\\midrule\n" in latex_table(table_of(()))
    assert latex_table(table_of(())).count("midrule") == 1
    assert "Reference" not in markdown_table(table_of(()))


def test_rows_belong_to_the_condition_whatever_its_steps():
    short, long = (records_of({"supervised": [70.0, 71.0]}, steps=steps, train_size=20) for steps in (10, 20))
    probes = records_of({"probe": [60.0, 61.0]}, train_size=20) + records_of({"probe": [90.0]}, train_size=40)
    found = comparisons_of([*short, *long], probes)
    assert [[run.primary for run in each.references] for each in found] == [[60.0, 61.0], [60.0, 61.0]]
