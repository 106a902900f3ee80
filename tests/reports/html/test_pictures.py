"""The numbers behind the pictures."""

import csv
import io
from urllib.parse import unquote

import pytest

from cmploss.reports import comparison_table
from cmploss.reports.cells import cells_of, objectives_of
from cmploss.reports.html.pictures import axis_pictures, context_pictures, score_pictures, training_pictures
from tests.reports.html.studies import run_of, two_objectives
from tests.reports.runs import record_of, records_of

SLOTS = {"supervised": 0, "comparative": 1}


def rows_in(picture):
    """The rows of its CSV file."""
    kind, _, text = picture.csv.partition(",")
    assert kind == "data:text/csv;charset=utf-8"
    return list(csv.reader(io.StringIO(unquote(text))))


def test_scores_and_differences_are_those_of_the_runs():
    records = records_of({"supervised": [60.0, 64.0], "comparative": [63.0, 65.0]})
    scores, differences = score_pictures(comparison_table(records), SLOTS)
    assert rows_in(scores)[1:] == [
        ["supervised", "0", "60.0"],
        ["supervised", "1", "64.0"],
        ["comparative", "0", "63.0"],
        ["comparative", "1", "65.0"],
    ]
    assert rows_in(differences)[1:] == [["comparative", "0", "3.0"], ["comparative", "1", "1.0"]]
    assert str(scores.svg).count('class="dot"') == 4
    assert "comparative +2.0 [" in differences.svg


def test_one_objective_has_no_difference():
    (scores,) = score_pictures(comparison_table(records_of({"supervised": [60.0]})), SLOTS)
    assert rows_in(scores)[1:] == [["supervised", "0", "60.0"]]


def test_no_score_is_no_picture():
    assert score_pictures(comparison_table(records_of({"supervised": [float("nan")]})), SLOTS) == []


def test_curves_are_means_over_seeds():
    loss, violations = training_pictures(two_objectives(), ["supervised"], SLOTS)  # seed 1 is 1 higher than seed 0
    name, step, mean, sd = rows_in(loss)[1]
    assert (name, step, float(mean)) == ("supervised", "10.0", pytest.approx(2 / 10 + 0.5))
    assert float(sd) == pytest.approx(0.5**0.5)  # of 0 and 1
    assert [row[2] for row in rows_in(violations)[1:]] == ["5.0", "2.5", str(100 * 0.5 / 30)]
    assert loss.legend == {"supervised": 0}


def test_the_loss_of_the_full_model_is_drawn_where_there_are_passes():
    points = [{"step": 1.0, "loss": 9.0, "loss_full": 4.0}, {"step": 2.0, "loss": 9.0, "loss_full": 3.0}]
    (loss,) = training_pictures([run_of("comparative", 0, [0, 0, 0, 0], curves=points)], ["comparative"], SLOTS)
    assert [row[2] for row in rows_in(loss)[1:]] == ["4.0", "3.0"]


def test_scores_measured_while_training_have_a_picture():
    points = [{"step": float(step), "eval_loss": 1.0, "eval_accuracy": 10.0 * step} for step in (1, 2)]
    found = training_pictures([run_of("supervised", 0, [0, 0, 0, 0], curves=points)], ["supervised"], SLOTS)
    assert [picture.title for picture in found] == ["Validation loss", "Validation accuracy"]
    assert [row[2] for row in rows_in(found[1])[1:]] == ["10.0", "20.0"]


def test_sizes_are_a_curve_where_nothing_else_differs():
    records = [
        record_of("supervised", seed, score + seed, few_shot=size)
        for size, score in ((20, 50.0), (100, 60.0), (None, 70.0))
        for seed in (0, 1)
    ]
    cells = cells_of(records)
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
    cells = cells_of(records)
    tables = {cell.name: comparison_table(cell.records) for cell in cells}
    found = axis_pictures(cells, tables, ["supervised"], SLOTS)
    assert len({picture.title for picture in found}) == len(found) == titles


def test_context_sizes_have_a_picture():
    scores = {
        "test": {"accuracy": 50.0},
        "test_2_paragraphs": {"accuracy": 60.0},
        "test_4_paragraphs": {"accuracy": 55.0},
    }
    (picture,) = context_pictures([record_of("supervised", 0, 50.0, scores=scores)], ["supervised"], SLOTS)
    assert rows_in(picture)[1:] == [["supervised", "2", "60.0", ""], ["supervised", "4", "55.0", ""]]
