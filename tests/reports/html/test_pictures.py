"""The numbers behind the pictures."""

import pytest

from cmploss.experiment import Score
from cmploss.reports import comparison_table
from cmploss.reports.html.pictures import (
    forest_picture,
    inference_pictures,
    score_pictures,
    training_pictures,
)
from tests.reports.html.studies import rows_in, run_of, two_objectives
from tests.reports.runs import record_of, records_of

SLOTS = {"supervised": 0, "comparative": 1}


def test_scores_and_differences_are_those_of_the_runs():
    records = records_of({"supervised": [60.0, 64.0], "comparative": [63.0, 65.0]})
    (scores,) = score_pictures(comparison_table(records), SLOTS)
    differences = forest_picture(comparison_table(records), SLOTS)
    assert rows_in(scores)[1:] == [
        ["supervised", "0", "60.0"],
        ["supervised", "1", "64.0"],
        ["comparative", "0", "63.0"],
        ["comparative", "1", "65.0"],
    ]
    assert rows_in(differences)[1:] == [["comparative", "2.0", "nan", "nan"]]
    assert str(scores.svg).count('class="dot"') == 4
    assert str(scores.svg).count('class="pair"') == 2
    assert "seed 1: supervised 64.0, comparative 65.0" in scores.svg
    assert "from supervised: comparative +2.0" in differences.svg


def test_one_objective_has_no_difference():
    (scores,) = score_pictures(comparison_table(records_of({"supervised": [60.0]})), SLOTS)
    assert rows_in(scores)[1:] == [["supervised", "0", "60.0"]]
    assert forest_picture(comparison_table(records_of({"supervised": [60.0]})), SLOTS) is None


def test_reference_rows_are_apart_and_without_an_interval():
    records = records_of({"supervised": [60.0, 64.0, 61.0], "comparative": [63.0, 65.0, 64.5]})
    simple = records_of({"probe": [50.0, 50.0, 50.0]}, kind="reference")
    found = forest_picture(comparison_table(records, references=simple), SLOTS)
    assert [row[0] for row in rows_in(found)[1:]] == ["comparative", "probe"]
    svg = str(found.svg)
    assert svg.count('class="interval"') == 3  # a line and two ends
    assert svg.index('class="s1"') < svg.index('class="simple"')
    assert 'class="margin"' in svg
    assert "within 1 of supervised" in found.text


def cost_picture(**seconds):
    scores = {"supervised": 70.0, "comparative": 75.0, "rdrop": 72.0}
    runs = [record_of(name, 0, scores[name], cost={"seconds": of}) for name, of in seconds.items()]
    pictures = score_pictures(comparison_table(runs), {name: slot for slot, name in enumerate(scores)})
    return next((picture for picture in pictures if picture.title == "Score and cost"), None)


def test_the_pareto_edge_is_what_nothing_cheaper_reaches():
    found = cost_picture(supervised=10.0, comparative=20.0, rdrop=30.0)
    assert found.text.endswith("has a mean as high: supervised, comparative.")
    assert rows_in(found)[1:] == [
        ["supervised", "10.0", "70.0"],
        ["comparative", "20.0", "75.0"],
        ["rdrop", "30.0", "72.0"],
    ]
    assert cost_picture(supervised=10.0, comparative=10.0) is None  # nothing to choose


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
    points = [{"step": float(step), "loss": 9.0, "loss_full": 5.0 - step} for step in (1, 2, 3)]
    (loss,) = training_pictures([run_of("comparative", 0, [0, 0, 0, 0], history=points)], ["comparative"], SLOTS)
    assert [row[2] for row in rows_in(loss)[1:]] == ["4.0", "3.0", "2.0"]


def test_losses_with_and_without_dropout_have_a_picture_each():
    def logged(objective, entry, **more):
        points = [{"step": step, "loss": 9.0, **more} for step in (1.0, 2.0, 3.0)]
        return run_of(objective, 0, [0, 0, 0, 0], history=points, settings={"objective": entry})

    runs = [
        logged("supervised", "Supervised(dropout=True)"),
        logged("no_dropout", "Supervised(dropout=False)"),
        logged("scl", "SupervisedContrastive(weight=1.0)", loss_task=1.0),
        logged("comparative", "Comparative(CmpDrop(n_drop=1))", loss_full=1.0),
    ]
    slots = {run.name: slot for slot, run in enumerate(runs)}
    found = {picture.title: list(picture.legend) for picture in training_pictures(runs, list(slots), slots)}
    assert found == {
        "Training loss with dropout": ["supervised", "scl"],
        "Training loss without dropout": ["no_dropout", "comparative"],
    }


def test_a_curve_of_two_points_is_no_picture():
    points = [{"step": float(step), "loss": 1.0} for step in (1, 2, 3)]
    drawn = [
        training_pictures([run_of("supervised", 0, [0] * 4, history=points[:n])], ["supervised"], SLOTS) for n in (2, 3)
    ]
    assert [len(pictures) for pictures in drawn] == [0, 1]


def test_scores_measured_while_training_have_a_picture():
    points = [{"step": float(step), "eval_loss": 1.0, "eval_accuracy": 10.0 * step} for step in (1, 2, 3)]
    found = training_pictures([run_of("supervised", 0, [0, 0, 0, 0], history=points)], ["supervised"], SLOTS)
    assert [picture.title for picture in found] == ["Validation loss", "Validation accuracy"]
    assert [row[2] for row in rows_in(found[1])[1:]] == ["10.0", "20.0", "30.0"]


def test_context_sizes_have_a_picture():
    scores = [
        Score("test", "accuracy", 60.0, {"context_size": 2}),
        Score("test", "accuracy", 55.0, {"context_size": 4}),
    ]
    (picture,) = inference_pictures([record_of("supervised", 0, 50.0, scores=scores)], ["supervised"], SLOTS)
    assert rows_in(picture)[1:] == [["supervised", "2", "60.0", ""], ["supervised", "4", "55.0", ""]]


def test_submodels_have_two_pictures_scores_and_violations():
    def ablated(seed, *points):
        scores = [
            score
            for power, (accuracy, rate) in enumerate(points)
            for score in Score.of("test", {"accuracy": accuracy, "violation_rate": rate}, {"dropout_power": power})
        ]
        return record_of("supervised", seed, 50.0, scores=scores)

    records = [ablated(0, (60.0, 0.0), (50.0, 8.0)), ablated(1, (64.0, 0.0), (56.0, 12.0))]
    scores, violations = inference_pictures(records, ["supervised", "comparative"], SLOTS)
    assert (scores.title, scores.file_name) == ("Dropout power", "dropout_power.csv")
    assert rows_in(scores)[0] == ["objective", "dropout power at inference", "accuracy (%)", "sd"]
    assert [row[:3] for row in rows_in(scores)[1:]] == [["supervised", "0", "62.0"], ["supervised", "1", "53.0"]]
    assert [float(row[3]) ** 2 for row in rows_in(scores)[1:]] == pytest.approx([8, 18])
    assert violations.title == "Violation rate under ablation"
    assert rows_in(violations)[0] == ["objective", "dropout power at inference", "violations (%)", "sd"]
    assert [row[1:3] for row in rows_in(violations)[1:]] == [["0", "0.0"], ["1", "10.0"]]
    assert [float(row[3]) ** 2 for row in rows_in(violations)[1:]] == pytest.approx([0, 8])
    assert scores.legend == violations.legend == {"supervised": 0}
