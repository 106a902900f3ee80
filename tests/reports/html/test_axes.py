"""Curves over what a grid varies."""

import pytest

from cmploss.reports import comparison_table
from cmploss.reports.groups import groups_of, objectives_of
from cmploss.reports.html.axes import axis_pictures
from tests.reports.html.studies import rows_in
from tests.reports.runs import record_of

SLOTS = {"supervised": 0}


def test_sizes_are_a_curve_where_nothing_else_differs():
    records = [
        record_of("supervised", seed, score + seed, few_shot=size)
        for size, score in ((20, 50.0), (100, 60.0), (None, 70.0))
        for seed in (0, 1)
    ]
    cells = groups_of(records)
    tables = {cell.name: comparison_table(cell.records) for cell in cells}
    (picture,) = axis_pictures(cells, tables, objectives_of(records), SLOTS)
    assert rows_in(picture) == [
        ["objective", "training examples", "mean", "sd", "runs"],
        ["supervised", "20", "50.5", "0.7071067811865476", "2"],
        ["supervised", "100", "60.5", "0.7071067811865476", "2"],
        ["supervised", "400", "70.5", "0.7071067811865476", "2"],  # all of them
    ]


@pytest.mark.parametrize(("noises", "titles"), [(["none"], 1), (["none", "label:0.2"], 4)])
def test_a_grid_has_a_curve_for_every_row_and_column(noises, titles):
    records = [
        record_of("supervised", 0, 50.0, few_shot=size, settings={"noise": noise, "training": {"max_steps": size}})
        for size in (20, 100)
        for noise in noises
    ]
    cells = groups_of(records)
    tables = {cell.name: comparison_table(cell.records) for cell in cells}
    found = axis_pictures(cells, tables, ["supervised"], SLOTS)
    assert len({picture.title for picture in found}) == len(found) == titles
