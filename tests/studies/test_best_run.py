"""The best run of a study: the row by its mean, the seed within it, ties by loss, and what is said about it."""

import math
import shutil
from dataclasses import replace

import pytest

from cmploss.experiment import read_record, write_record
from cmploss.experiment.best_run import best_lines, is_among, read_best
from cmploss.experiment.condition import Condition
from cmploss.experiment.spec import ObjectiveSpec
from cmploss.reports.html import read_study
from cmploss.studies.best_run import choose_best, keep_best_of_row, selection_loss
from cmploss.studies.plan import PlannedRun
from cmploss.studies.run_config import RunConfig
from tests.reports.runs import record_of, scores_of


def predictions(*right):
    """Two classes, the probability of the true one for each example."""
    zeros = [0] * len(right)
    return {"validation": {"labels": zeros, "predictions": zeros, "probabilities": [[p, 1 - p] for p in right]}}


@pytest.fixture
def study(tmp_path):
    """Finished runs with checkpoints, from objective -> scores on validation (and predictions)."""

    def make(rows, found=None, keep=False):
        runs = []
        for seed in range(max(map(len, rows.values()))):
            for name, scores in rows.items():
                if seed >= len(scores):
                    continue
                folder = tmp_path / name / f"seed-{seed}"
                (folder / "model").mkdir(parents=True)
                (folder / "model" / "weights").write_text(f"{name} {seed}")
                measured = scores_of(validation={"accuracy": scores[seed]}, test={"accuracy": 50.0 + seed})
                record = record_of(name, seed, 0.0, scores=measured, predictions=(found or {}).get((name, seed), {}))
                write_record(record, folder / "record.json")
                spec = ObjectiveSpec.parse(name)
                runs.append(PlannedRun(RunConfig(spec, seed), folder, Condition(), len(runs), keep=keep))
        return runs

    return make


def chosen(folder, runs):
    choose_best(folder, runs, "AutoModelForSequenceClassification")
    best = read_best(folder)
    assert (folder / "best" / "weights").read_text() == f"{best['objective']} {best['seed']}"
    return best["objective"], best["seed"]


def test_the_row_is_chosen_before_the_seed(study, tmp_path):
    runs = study({"supervised": [90.0, 50.0], "comparative": [75.0, 77.0]})  # means 70 and 76
    assert chosen(tmp_path, runs) == ("comparative", 1)
    assert not list(tmp_path.rglob("model"))
    assert read_best(tmp_path)["lead"] == 6.0


def test_ties_go_to_the_smaller_loss_then_to_the_plan(study, tmp_path):
    low, high = predictions(0.9, 0.8), predictions(0.6, 0.6)
    rows = {"supervised": [70.0, 70.0], "comparative": [70.0, 70.0]}
    found = {("supervised", 0): high, ("supervised", 1): high, ("comparative", 0): high, ("comparative", 1): low}
    assert chosen(tmp_path, study(rows, found)) == ("comparative", 1)


def test_without_losses_the_first_of_the_plan(study, tmp_path):
    assert chosen(tmp_path, study({"supervised": [70.0, 70.0], "comparative": [70.0, 70.0]})) == ("supervised", 0)


def test_an_undefined_score_is_below_all_others(study, tmp_path):
    runs = study({"supervised": [math.nan, 90.0], "comparative": [10.0, 20.0]})
    assert chosen(tmp_path, runs) == ("comparative", 1)


def test_a_row_keeps_its_best_checkpoint(study):
    runs = study({"supervised": [60.0, 80.0, 70.0], "comparative": [50.0]})
    keep_best_of_row(runs, runs[0])
    assert [(run.folder / "model").exists() for run in runs] == [False, True, True, False]  # comparative 0 is its own


def test_what_is_kept_is_copied(study, tmp_path):
    runs = study({"supervised": [60.0, 80.0]}, keep=True)
    keep_best_of_row(runs, runs[0])
    assert chosen(tmp_path, runs) == ("supervised", 1)
    assert all((run.folder / "model" / "weights").exists() for run in runs)


def test_a_study_that_grows_keeps_its_best_until_a_checkpoint_is_better(study, tmp_path):
    runs = study({"supervised": [60.0, 80.0]})
    assert chosen(tmp_path, runs) == ("supervised", 1)
    assert chosen(tmp_path, runs) == ("supervised", 1)  # nothing is left but best/
    (runs[0].folder / "model").mkdir()
    (runs[0].folder / "model" / "weights").write_text("supervised 0")
    assert chosen(tmp_path, runs) == ("supervised", 1)


def test_a_better_run_without_a_checkpoint_is_named(study, tmp_path):
    runs = study({"supervised": [80.0, 60.0], "comparative": [50.0]})
    assert chosen(tmp_path, runs) == ("supervised", 0)
    assert not any("checkpoint" in line for line in best_lines(read_best(tmp_path)))
    shutil.rmtree(tmp_path / "best")
    (runs[2].folder / "model").mkdir()
    (runs[2].folder / "model" / "weights").write_text("supervised 1")
    assert chosen(tmp_path, runs) == ("supervised", 1)
    remedy = "is better but has no checkpoint; remove its record.json to train it again"
    assert best_lines(read_best(tmp_path))[1] == f"supervised/seed-0 {remedy}"


def test_the_loss_is_that_of_the_predictions():
    found = record_of("supervised", 0, 0.0, predictions=predictions(0.5, 0.25))
    assert selection_loss(found) == pytest.approx(-(math.log(0.5) + math.log(0.25)) / 2)
    numbers = {"validation": {"labels": [1.0, 2.0], "predictions": [1.5, 2.0], "probabilities": [[], []]}}
    assert selection_loss(record_of("supervised", 0, 0.0, predictions=numbers)) == 0.125
    assert selection_loss(record_of("supervised", 0, 0.0, predictions={"validation": {"f1": [1.0]}})) == 0.0


FACTS = {"measure": "accuracy", "score": 80.0, "examples": 100, "row_mean": 80.0, "row_runs": 5}


@pytest.mark.parametrize(("lead", "small"), [(3.9, True), (4.1, False), (None, False)])
def test_a_lead_below_a_standard_error_is_said_to_be_too_small(lead, small):
    """√(.8 · .2 / 100) = 4 points."""
    lines = best_lines(FACTS | {"lead": lead, "eval_split": "test", "eval_score": 75.0})
    assert lines[0] == ("validation accuracy 80.0 (100 examples), mean of its row 80.0 (5 runs); test accuracy 75.0")
    assert [line.partition(":")[0] for line in lines[1:]] == ["the validation split is too small to choose"] * small


@pytest.mark.parametrize(
    ("measure", "lead", "said"), [("pearson", 3.9, False), ("nDCG@10", 3.9, False), ("f1", 0, True)]
)
def test_only_a_share_of_the_examples_has_this_error_but_any_rows_may_be_equal(measure, lead, said):
    facts = FACTS | {"measure": measure, "lead": lead, "eval_split": "test", "eval_score": 75.0}
    assert [line.partition(": ")[2] for line in best_lines(facts)[1:]] == ["the next row has the same mean"] * said


def test_equal_rows_without_an_error_are_no_choice():
    lines = best_lines(FACTS | {"row_mean": 100.0, "lead": 0.0, "eval_split": "test", "eval_score": 75.0})
    assert lines[1:] == ["the validation split is too small to choose: the next row has the same mean"]


def test_where_validation_is_reported_it_is_said_once():
    lines = best_lines(FACTS | {"lead": 9.0, "eval_split": "validation", "eval_score": 80.0})
    assert lines == ["validation accuracy 80.0 (100 examples), mean of its row 80.0 (5 runs)"]
    assert best_lines({"objective": "supervised", "score": 80.0}) == []  # of an earlier version


def test_a_run_that_was_trained_again_replaces_the_checkpoint(study, tmp_path):
    """Its folder has the same name."""
    runs = study({"supervised": [70.0, 80.0]})
    assert chosen(tmp_path, runs) == ("supervised", 1)
    folder = runs[1].folder
    record = read_record(folder / "record.json")
    write_record(replace(record, created="2100-01-01T00:00:00+00:00"), folder / "again.json")
    (folder / "again.json").replace(folder / "record.json")
    (folder / "model").mkdir()
    (folder / "model" / "weights").write_text("new")
    choose_best(tmp_path, runs, "AutoModel")
    assert (tmp_path / "best" / "weights").read_text() == "new"
    assert read_best(tmp_path)["created"] == "2100-01-01T00:00:00+00:00"
    (tmp_path / "best" / "weights").write_text("mine")
    choose_best(tmp_path, runs, "AutoModel")
    assert (tmp_path / "best" / "weights").read_text() == "mine"  # nothing new


def test_a_later_command_keeps_the_checkpoints_that_an_earlier_one_kept(study, tmp_path):
    runs = study({"supervised": [70.0, 80.0], "comparative": [60.0, 60.0]})
    keeping = [replace(run, keep=True) for run in runs[:3]]  # its last run is not trained yet
    keep_best_of_row(keeping, keeping[0])
    keep_best_of_row(keeping, keeping[1])
    keep_best_of_row(runs, runs[0])
    choose_best(tmp_path, runs, "AutoModel")
    assert [(run.folder / "model").is_dir() for run in runs] == [True, True, True, False]
    assert not (tmp_path / "best" / "kept").exists()


def test_a_row_behind_one_without_a_checkpoint_leads_nothing():
    facts = {"measure": "accuracy", "score": 80.0, "examples": 100, "row_mean": 78.0, "row_runs": 5, "lead": -1.5}
    lines = best_lines({**facts, "eval_split": "test", "eval_score": 75.0, "not_kept": "a/seed-0"})
    assert lines[1:] == ["a/seed-0 is better but has no checkpoint; remove its record.json to train it again"]


def test_the_checkpoint_of_an_earlier_command_goes_back_to_its_run(study, tmp_path, caplog):
    """Three commands in one folder: without the row that was best, with other rows, and with all."""
    first = study({"supervised": [60.0], "comparative": [91.0]})
    assert chosen(tmp_path, first) == ("comparative", 0)
    choose_best(tmp_path, first[:1], "AutoModel")  # its checkpoint was removed, so nothing replaces the other
    best, records = read_best(tmp_path), [read_record(run.folder / "record.json") for run in first]
    assert (is_among(best, records), is_among(best, records[:1])) == (True, False)
    assert [read_study(tmp_path, of).best is None for of in (records, records[:1])] == [False, True]
    second = [first[0], *study({"scl": [61.0]})]
    assert chosen(tmp_path, second) == ("scl", 0)
    kept = tmp_path / "comparative" / "seed-0" / "model"
    assert [path.name for path in kept.iterdir()] == ["weights"]
    assert f"which this command does not have; that checkpoint is in {kept} now" in caplog.text
    assert chosen(tmp_path, [*first, second[1]]) == ("comparative", 0)
    assert not list(tmp_path.rglob("model"))
