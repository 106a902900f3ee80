"""The numbers behind the pictures."""

import pytest

from cmploss.experiment import Score
from cmploss.reports import comparison_table
from cmploss.reports.html.pictures import (
    inference_pictures,
    score_pictures,
    training_pictures,
)
from tests.reports.html.studies import rows_in, run_of, two_objectives
from tests.reports.runs import record_of, records_of

SLOTS = {"supervised": 0, "comparative": 1}


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
    assert "seed: comparative +2.0" in differences.svg


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
    (loss,) = training_pictures([run_of("comparative", 0, [0, 0, 0, 0], history=points)], ["comparative"], SLOTS)
    assert [row[2] for row in rows_in(loss)[1:]] == ["4.0", "3.0"]


def test_the_loss_says_who_was_logged_with_dropout():
    def logged(objective, entry, **more):
        points = [{"step": step, "loss": 9.0, **more} for step in (1.0, 2.0)]
        return run_of(objective, 0, [0, 0, 0, 0], history=points, settings={"objective": entry})

    runs = [
        logged("supervised", "Supervised(dropout=True)"),
        logged("no_dropout", "Supervised(dropout=False)"),
        logged("scl", "SupervisedContrastive(weight=1.0)", loss_task=1.0),
        logged("comparative", "Comparative(CmpDrop(n_drop=1))", loss_full=1.0),
    ]
    slots = {run.name: slot for slot, run in enumerate(runs)}
    (both,) = training_pictures(runs, list(slots), slots)
    assert both.text == (
        "The task loss of the full model in training, as logged. With dropout: supervised, scl; without dropout: "
        "no_dropout, comparative. The two are not comparable."
    )
    (one,) = training_pictures(runs[1:2], ["no_dropout"], slots)
    assert one.text.endswith("as logged. Without dropout: no_dropout.")


def test_scores_measured_while_training_have_a_picture():
    points = [{"step": float(step), "eval_loss": 1.0, "eval_accuracy": 10.0 * step} for step in (1, 2)]
    found = training_pictures([run_of("supervised", 0, [0, 0, 0, 0], history=points)], ["supervised"], SLOTS)
    assert [picture.title for picture in found] == ["Validation loss", "Validation accuracy"]
    assert [row[2] for row in rows_in(found[1])[1:]] == ["10.0", "20.0"]


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
