import pytest

from cmploss.reports import Cell, cell_of
from cmploss.reports.cells import axes_of, by_cell
from tests.reports.runs import record_of


def settings(noise, steps):
    return {"noise": noise, "training": {"max_steps": steps}}


def test_the_cell_of_a_record():
    assert cell_of(record_of("scl", 0, 80.0, few_shot=20, settings=settings("label:0.2", 9))) == Cell(
        20, "label:0.2", 9
    )
    assert cell_of(record_of("scl", 0, 80.0)) == Cell(None, "none", None)  # records from before there were noises


def test_records_in_their_cells():
    runs = [
        record_of(name, seed, 80.0, few_shot=size)
        for size in (100, 20)
        for name in ("supervised", "scl")
        for seed in (0, 1)
    ]
    found = by_cell([runs[0], runs[4], *runs[1:4], *runs[5:]])
    assert list(found) == [Cell(100), Cell(20)]
    assert [len(of) for of in found.values()] == [4, 4]
    assert {run.few_shot for run in found[Cell(20)]} == {20}


GRID = [
    Cell(size, noise, steps) for size in (100, 20) for noise in ("none", "label:0.4", "label:0.1") for steps in (9, 5)
]


def test_axes_of_a_full_grid():
    found = {(axis.name, axis.fixed): axis.points for axis in axes_of(GRID)}
    assert len(found) == 3 * 2 + 2 * 2 + 2 * 3  # by size, by rate, by steps
    assert found["few_shot", "noise label:0.4, 5 steps"] == (
        (20, Cell(20, "label:0.4", 5)),
        (100, Cell(100, "label:0.4", 5)),
    )
    assert found["label", "20 training examples, 9 steps"] == (
        (0, Cell(20, "none", 9)),
        (0.1, Cell(20, "label:0.1", 9)),
        (0.4, Cell(20, "label:0.4", 9)),
    )
    assert [place for place, _ in found["steps", "20 training examples, no noise"]] == [5, 9]


def test_kinds_of_noise_have_an_axis_each_and_share_the_cell_without_noise():
    cells = [Cell(noise=noise) for noise in ("none", "typo:0.1", "label:0.1", "back_translation:0.5")]
    assert [(axis.name, [place for place, _ in axis.points]) for axis in axes_of(cells)] == [
        ("typo", [0, 0.1]),
        ("label", [0, 0.1]),
    ]
    warm = [*cells, Cell(noise="back_translation:0.9")]
    assert [place for place, _ in axes_of(warm)[-1].points] == [0.5, 0.9]  # no noise is no temperature


def test_one_cell_has_no_axis():
    assert axes_of([Cell(20), Cell(20)]) == []


@pytest.mark.parametrize(
    ("cell", "title"),
    [
        (Cell(), "all training examples, no noise"),
        (Cell(20, "typo:0.1", 100), "20 training examples, noise typo:0.1, 100 steps"),
    ],
)
def test_titles(cell, title):
    assert cell.title == title
