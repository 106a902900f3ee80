"""The tables of the studies with few examples are those of the committed records."""

import math
import re
from functools import cache
from pathlib import Path
from statistics import fmean

import pytest

from cmploss.experiment import Condition, Noise, read_records, read_references
from cmploss.experiment.grouping import references_of
from cmploss.reports import comparison_table
from cmploss.reports.formatting import difference_text, mark, mean_text, signed
from tests.docs.pages import cells_of

ROOT = Path(__file__).parents[2]
FAMILY = ("supervised", "no_dropout", "equal_compute", "comparative", "scl", "rdrop", "comparative+scl")
COLUMNS = {
    "helpdesk, 80": ("helpdesk", 80),
    "SST-2, 20": ("sst2", 20),
    "SST-2, 100": ("sst2", 100),
    "TREC, 20": ("trec", 20),
    "TREC, 100": ("trec", 100),
    "banking77, 100": ("banking77", 100),
}
FEW, CLS = (
    {name: (f"{start}-{data}", Condition(size, steps=100), FAMILY) for name, (data, size) in COLUMNS.items()}
    for start in ("few-shot", "few-shot-cls")
)
STEPS = {f"{steps} steps": ("few-shot-cls-trec", Condition(100, steps=steps), FAMILY) for steps in (100, 400)}
NOISE = {
    name: (
        "few-shot-cls-sst2",
        Condition(100, Noise.parse(noise), 100),
        ("supervised", "no_dropout", "comparative", "scl"),
    )
    for name, noise in [("none", "none"), ("10 %", "label:0.1"), ("20 %", "label:0.2"), ("40 %", "label:0.4")]
}


@cache
def table_of(study, cell, objectives):
    folder = ROOT / "results" / study
    runs = [run for run in read_records(folder) if run.condition == cell and run.name in objectives]
    references = references_of(read_references(folder), runs[0].benchmark, cell)
    return comparison_table(runs, order=objectives, references=references)


def rows_of(cells):
    """Objective → its row in the table of every cell."""
    tables = [table_of(*cell).rows for cell in cells]
    return {row.objective: [rows[place] for rows in tables] for place, row in enumerate(tables[0])}


def scores(cells):
    tables = [[*table.references, *table.rows] for table in (table_of(*cell) for cell in cells.values())]
    names = [row.objective for row in tables[0]]
    return {
        name: [mean_text(row.mean, row.sd, row.n) for row in rows] for name, *rows in zip(names, *tables, strict=True)
    }


def differences(cells):
    return {
        name: [difference_text(row.difference) + mark(row.corrected) for row in rows]
        for name, rows in rows_of(cells.values()).items()
        if name != "supervised"
    }


def over_all(cells):
    """Mean difference, in how many cells it is above and below zero, and the geometric mean of the ratio of the sds."""
    found = rows_of(cells.values())
    lines = {}
    for name, rows in found.items():
        gains = [row.difference.mean for row in rows if row.difference]
        ratios = [row.sd / base.sd for row, base in zip(rows, found["supervised"], strict=True)]
        if gains:
            above, below = (sum(sign * gain > 0 for gain in gains) for sign in (1, -1))
            ratio = math.exp(fmean(map(math.log, ratios)))
            lines[name] = [signed(fmean(gains)), str(above), str(below), f"{ratio:.2f}"]
    return lines


TABLES = {
    "**Accuracy.**": (scores, FEW),
    "**Differences.**": (differences, FEW),
    "**Over all columns.**": (over_all, FEW),
    "**Earlier accuracy.**": (scores, CLS),
    "**Four times the steps.**": (scores, STEPS),
    "**Four times the steps, differences.**": (differences, STEPS),
    "**Wrong labels.**": (scores, NOISE),
    "**Wrong labels, differences.**": (differences, NOISE),
}


@pytest.mark.parametrize("title", TABLES)
def test_the_docs_show_the_records(title):
    text = (ROOT / "docs" / "few_examples.md").read_text(encoding="utf-8")
    lines = re.search(r"\n(\| objective .*?)\n\n", text.partition(title)[2], re.DOTALL)[1].splitlines()
    show, cells = TABLES[title]
    if show is not over_all:
        assert cells_of(lines[0])[1:] == list(cells)
    assert {name: shown for name, *shown in map(cells_of, lines[2:])} == show(cells)
