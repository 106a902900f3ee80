"""Trained models scored as their own submodels: in the record of a run, in a study, and refused in time."""

from dataclasses import replace

import numpy as np
import pytest

from cmploss.errors import UserError
from cmploss.experiment.run_dir import check_folder, claim_folder
from cmploss.measures import score
from cmploss.model_config import ModelConfig
from cmploss.studies import Study, StudyConfig, predict, run_one, run_study
from cmploss.studies.run import check_run
from cmploss.tasks.ablation_curve import Submodels, submodel_curve
from cmploss.tasks.text import task_data
from cmploss.tasks.text.classify import Predictions
from cmploss.tasks.text.text_task import TextTask
from tests.local_model import NO_DROPOUT, reviews, save_encoder

POWERS = (0, 1, 3)


def settings_of(record):
    """Split and settings of inference of the scores, each once."""
    places = [(each.split, each.at) for each in record.scores]
    return [place for number, place in enumerate(places) if place not in places[:number]]


@pytest.fixture(scope="module")
def scored(config_of, task, tmp_path_factory):
    """A run of seed 5 at a base rate of .3, and its model."""
    config = replace(config_of(seed=5, settings={"dropout_p": 0.3}), powers=POWERS)
    return run_one(config, task, tmp_path_factory.mktemp("scored"))


def test_without_powers_nothing_is_run():
    full = Predictions(np.zeros((2, 2)), np.zeros(2))
    run = scored = pytest.fail
    assert submodel_curve(full, run, scored, Submodels()) == []


def test_a_record_has_what_predict_gives_with_the_masks_of_its_seed(scored, task):
    record = scored.record
    assert settings_of(record) == [("validation", {}), ("test", {}), *(("test", {"dropout_power": k}) for k in POWERS)]
    ablated = [record.measures("test", {"dropout_power": k}) for k in POWERS]
    encoded, measures = task.split("test"), task.data.measures
    labels = np.asarray(encoded["labels"])
    full, one, three = (predict(scored.model, task.tokenizer, encoded, power=k, seed=5, p=0.3) for k in POWERS)
    beaten = [100 * np.mean(least < full.losses) for least in (one.losses, np.minimum(one.losses, three.losses))]
    for scores, found, rate in zip(ablated, (full, one, three), [0, *beaten], strict=True):
        assert scores == {
            **score(measures, found.values, labels),
            "loss": pytest.approx(found.losses.mean()),
            "violation_rate": pytest.approx(rate),
        }
    assert {name: ablated[0][name] for name in measures} == record.measures("test")
    assert ablated[1]["loss"] != ablated[0]["loss"]  # dropout was on
    other = predict(scored.model, task.tokenizer, encoded, power=1, seed=0, p=0.3)
    assert other.losses.mean() != pytest.approx(ablated[1]["loss"], rel=1e-4)  # and of this seed


def test_without_a_test_split_the_validation_split_is_reported(config_of, encoder, tmp_path):
    data = task_data(reviews(40), reviews(10, seed=1))
    config = replace(config_of("supervised", max_steps=2), powers=(1,))
    found = run_one(config, TextTask(data, encoder, 16), tmp_path).record
    assert settings_of(found) == [("validation", {}), ("validation", {"dropout_power": 1})]


def test_what_is_measured_later_does_not_change_the_run(scored, config_of, task, tmp_path):
    config = config_of(seed=5, settings={"dropout_p": 0.3})
    plain = run_one(config, task, tmp_path).record
    assert settings_of(plain) == [("validation", {}), ("test", {})]
    assert plain.predictions == scored.record.predictions
    assert plain.history == scored.record.history


def test_submodels_of_a_run_with_reentrant_checkpointing(config_of, task, tmp_path):
    options = {"activation_checkpointing": True, "activation_checkpointing_kwargs": {"use_reentrant": True}}
    found = run_one(replace(config_of("supervised", max_steps=2, **options), powers=POWERS), task, tmp_path)
    loaded = task.new_model(0)
    loaded.load_state_dict(found.model.state_dict())  # a model that never checkpointed
    expected = predict(loaded, task.tokenizer, task.split("test"), power=3).losses.mean()
    assert found.record.score("test", "loss", {"dropout_power": 3}) == pytest.approx(expected)


def test_a_run_without_powers_has_no_setting_for_them(config_of, task, tmp_path):
    """The base rate is then a setting of the objective alone."""
    plain = replace(config_of("supervised"), dropout_p=0.3)
    settings = plain.settings(task)
    assert list(settings) == [
        *("task", "data", "objective", "seed", "few_shot", "model_files"),
        *("model", "max_length", "reinit_layers", "training"),
    ]
    claim_folder(tmp_path, settings)
    check_folder(tmp_path, plain.settings(task))
    with pytest.raises(UserError, match="its dropout_power is None, not '0,1,3'"):
        check_folder(tmp_path, replace(plain, powers=POWERS).settings(task))


def test_powers_and_their_base_rate_are_settings(config_of, task):
    config = replace(config_of("supervised"), powers=POWERS)
    settings = config.settings(task)
    assert settings["dropout_power"] == "0,1,3"
    assert "dropout_p" not in settings
    ours = replace(config, dropout_p=0.3).settings(task)
    assert (ours["objective"], ours["dropout_p"]) == (settings["objective"], 0.3)


def test_a_model_that_cannot_be_ablated_is_refused_before_training(config_of, task, tmp_path):
    undropped = save_encoder(tmp_path / "model", **NO_DROPOUT)
    config = replace(config_of("supervised"), model_config=ModelConfig(undropped, 16))
    refused = TextTask(task.data, undropped, 16)
    check_run(replace(config, powers=(0,)), refused)
    with pytest.raises(UserError, match=r"model .*: .*no active dropout .* --dropout_p 0.1"):
        check_run(replace(config, powers=(0, 1)), refused)
    check_run(replace(config, powers=(0, 1), dropout_p=0.1), refused)


@pytest.fixture(scope="module")
def grid(task, config_of, tmp_path_factory):
    """Two sizes and two objectives; test_executor.py has several processes."""
    config = StudyConfig("supervised,comparative", seeds=1, few_shot="8,20", dropout_power="1,0")
    study = Study(task, config_of("supervised", max_steps=2), config, tmp_path_factory.mktemp("g") / "s")
    study.check()
    assert len(list(run_study(study))) == 4
    return study


def test_every_run_of_a_grid_is_scored(grid):
    records = grid.records()
    assert len({record.score("test", "loss", {"dropout_power": 1}) for record in records}) == 4
    for record in records:
        assert settings_of(record)[1:] == [("test", {}), ("test", {"dropout_power": 0}), ("test", {"dropout_power": 1})]
        assert record.settings["dropout_power"] == "0,1"


def test_the_page_has_two_figures_of_every_condition(grid):
    page = (grid.folder / "report.html").read_text()
    assert page.count("Violation rate under ablation over dropout power at inference: ") == 2
    assert page.count("Dropout power over dropout power at inference: ") == 2
