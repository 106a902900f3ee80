"""Without an option for it, pilot runs of the baseline choose the training length of all runs."""

import json
import math
from types import SimpleNamespace

import pytest

from cmploss.atomic import write_json
from cmploss.errors import UserError
from cmploss.studies import Study, StudyConfig, run_study, study as study_module, training_length
from cmploss.studies.executor import in_this_process
from cmploss.studies.run import Interrupted
from cmploss.studies.study_words import notes
from cmploss.studies.training_length import PILOT_SEED


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr("cmploss.studies.run_config.LEAST_STEPS", 2)
    monkeypatch.setattr("cmploss.studies.run_config.DEFAULT_EPOCHS", 1)


@pytest.fixture
def study_in(task, config_of):
    def make(folder, **options):
        base = config_of("supervised", max_steps=-1)
        config = StudyConfig(**{"objectives": "supervised,no_dropout", "seeds": 1, "few_shot": "16", **options})
        return Study(task, base, config, folder).with_known_length()

    return make


def losses(monkeypatch, found):
    """Pilot runs with these losses, which are not trained; what they were asked for."""
    asked, remaining = [], list(found)

    def run(config, task, folder, **_):
        folder.mkdir(parents=True)
        asked.append((config.spec.name, config.seed, config.training["max_steps"]))
        record = SimpleNamespace(history=[{"loss": 9.0}, {"eval_loss": remaining.pop(0)}])
        return SimpleNamespace(record=record, interrupted=0)

    monkeypatch.setattr(training_length, "run_one", run)
    return asked


@pytest.mark.parametrize(
    ("found", "steps"),
    [
        ([1.0, 0.96], 2),  # 4 % less
        ([1.0, 0.94, 0.93], 4),  # 6 % less, then 1 %
        ([1.0, 1.2], 2),
        ([1.0, 0.9, 0.8, 0.7, 0.6], 32),  # the longest that is tried
    ],
)
def test_the_shortest_length_whose_double_brings_less_than_5_percent(found, steps, study_in, tmp_path, monkeypatch):
    asked = losses(monkeypatch, found)
    study = study_in(tmp_path / "study").with_length()
    assert asked == [("supervised", PILOT_SEED, 2 << number) for number in range(len(found))]
    assert {run.config.training["max_steps"] for run in study.runs} == {steps}
    assert {run.condition.steps for run in study.runs} == {steps}


def test_it_is_found_once(study_in, tmp_path, monkeypatch):
    losses(monkeypatch, [1.0, 0.99])
    first = study_in(tmp_path / "study").with_length()
    again = study_in(tmp_path / "study")
    assert [run.config for run in again.runs] == [run.config for run in first.runs]
    assert again.with_length() is again


def test_an_interrupted_pilot_run_is_continued(study_in, tmp_path, monkeypatch):
    def stopped(*_, **__):
        raise Interrupted

    asked = losses(monkeypatch, [1.0, 0.9, 0.9])
    with monkeypatch.context() as patch:
        patch.setattr(training_length, "MOST_DOUBLINGS", 4)
        study = study_in(tmp_path / "study")
        run = training_length.run_one
        patch.setattr(training_length, "run_one", lambda *of, **on: (run if len(asked) < 2 else stopped)(*of, **on))
        with pytest.raises(Interrupted):
            study.with_length()
    study_in(tmp_path / "study").with_length()
    assert [steps for _, _, steps in asked] == [2, 4, 8]


def test_several_sizes_have_the_length_of_the_largest(study_in, tmp_path, monkeypatch):
    monkeypatch.setattr("cmploss.studies.run_config.DEFAULT_EPOCHS", 2)
    asked = losses(monkeypatch, [1.0, 1.0])
    study = study_in(tmp_path / "study", few_shot="8,32").with_length()
    assert [steps for _, _, steps in asked] == [8, 16]  # 2 epochs of 4 batches of 8
    assert {condition.steps for condition in study.conditions} == {8}


def test_runs_keep_the_checkpoint_with_the_best_measure_on_validation(study_in, tmp_path):
    study = study_in(tmp_path / "study").with_length()
    records = list(run_study(study))
    assert len(records) == 2
    pilots = json.loads((tmp_path / "study" / "length.json").read_text())["pilots"]
    for record in records:
        training = record.settings["training"]
        assert (training["load_best_model_at_end"], training["metric_for_best_model"]) == (True, "accuracy")
        assert record.settings["length"]["pilots"] == pilots
        evaluated = [point for point in record.history if "eval_loss" in point]
        assert len(evaluated) >= 2
        best = max(point["eval_accuracy"] for point in evaluated)
        assert record.score("validation", "accuracy") == pytest.approx(best)
    assert "the checkpoint of each run" in study.table().selected
    assert not list((tmp_path / "study").glob("**/checkpoint-*"))
    assert not (tmp_path / "study" / "pilot").exists()


@pytest.mark.parametrize("options", [{"max_steps": 3}, {"num_train_epochs": 1.0}])
def test_a_given_length_is_kept(options, task, config_of, tmp_path):
    base = config_of("supervised", **{"max_steps": -1, **options})
    study = Study(task, base, StudyConfig(objectives="supervised", seeds=1), tmp_path)
    assert study.with_length() is study
    assert "length" not in study.runs[0].config.settings(task)


def test_pilot_runs_of_another_study_are_refused(study_in, tmp_path, monkeypatch):
    losses(monkeypatch, [1.0, 1.0])
    study_in(tmp_path / "study").with_length()
    with pytest.raises(UserError, match=r"length\.json holds the pilot runs of another study: its few_shot is 16"):
        study_in(tmp_path / "study", few_shot="24")


def test_a_pilot_run_without_a_finite_loss_is_refused(study_in, tmp_path, monkeypatch):
    losses(monkeypatch, [math.nan])
    with pytest.raises(UserError, match="pilot run failed: supervised has no finite loss on validation; give"):
        study_in(tmp_path / "study").with_length()


def test_a_pilot_run_that_fails_is_an_error_of_one_line_and_is_tried_again(study_in, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(training_length, "run_one", lambda *_, **__: 1 / 0)
        study = study_in(tmp_path / "study")
        with pytest.raises(UserError, match=r"pilot run failed: ZeroDivisionError: .* \(see .*/pilot/failed\.json\)"):
            study.with_length()
        assert "run_one" in (tmp_path / "study/pilot/failed.json").read_text()
    asked = losses(monkeypatch, [1.0, 1.0])
    study.with_length()
    assert len(asked) == 2
    assert not (tmp_path / "study/pilot").exists()


def test_a_pilot_run_that_failed_is_no_failed_run_of_a_study_with_a_given_length(task, config_of, tmp_path):
    study = Study(task, config_of("supervised", max_steps=2), StudyConfig("supervised", seeds=1), tmp_path / "study")
    (tmp_path / "study/pilot").mkdir(parents=True)
    write_json(tmp_path / "study/study.json", {"grid": False})
    write_json(tmp_path / "study/pilot/failed.json", {"error": "out of memory"})
    list(run_study(study))
    assert "out of memory" not in (tmp_path / "study/report.md").read_text()


def test_pilot_runs_of_an_earlier_version_scored_submodels(study_in, tmp_path, monkeypatch):
    losses(monkeypatch, [1.0, 1.0])
    first = study_in(tmp_path / "study", score_layers="1").with_length()
    path = tmp_path / "study/length.json"
    found = json.loads(path.read_text())
    write_json(path, {**found, "settings": {**found["settings"], "score_layers": "1"}})
    again = study_in(tmp_path / "study", score_layers="1")
    assert [run.config for run in again.runs] == [run.config for run in first.runs]


def test_pilot_runs_go_where_the_runs_go(study_in, tmp_path, monkeypatch):
    """On a cluster of Ray, or one after another in this process, with all threads."""
    seen = []

    def do_jobs(jobs, task, advance, config):
        seen.append((config.jobs, config.ray))
        return in_this_process(jobs, task, advance)

    losses(monkeypatch, [1.0, 1.0])
    monkeypatch.setattr(study_module, "do_jobs", do_jobs)
    study_in(tmp_path / "study", jobs=4).with_length()
    assert seen == [(1, None)]


def test_pilot_runs_score_no_submodels(study_in, tmp_path, monkeypatch):
    configs = []
    losses(monkeypatch, [1.0, 1.0])
    run = training_length.run_one
    monkeypatch.setattr(
        training_length, "run_one", lambda config, *a, **k: (configs.append(config), run(config, *a, **k))[1]
    )
    study_in(tmp_path / "study", score_layers="1", dropout_power="1").with_length()
    assert [(config.powers, config.depths) for config in configs] == [((), ())] * 2


def test_intervals_of_runs_that_pilot_runs_precede_have_an_effect(task, config_of, tmp_path):
    config = StudyConfig("supervised", seeds=1)
    for steps, told in ((-1, False), (4, True)):
        study = Study(task, config_of("supervised", max_steps=steps, eval_steps=0.5), config, tmp_path / "study")
        assert any(note.startswith("--eval_steps 0.5 has no effect") for note in notes(study)) is told


def test_options_that_pilot_runs_cannot_have_are_refused_before_them(task, config_of, tmp_path):
    base = config_of("supervised", max_steps=-1, eval_strategy="no")
    study = Study(task, base, StudyConfig("supervised", seeds=1), tmp_path / "study")
    with pytest.raises(
        UserError, match=r"pilot runs choose the length, .*: leave out --eval_strategy, or give --max_steps"
    ):
        study.check()
    assert not (tmp_path / "study").exists()
