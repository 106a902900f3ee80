"""Runs of classifiers that pool: settings, checkpoints, transfer, evaluation, one first head for all objectives."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification
from transformers.utils import logging

from cmploss.ablation import CmpDrop
from cmploss.errors import UserError
from cmploss.model_config import ModelConfig
from cmploss.models import load_classifier, load_tokenizer, new_classifier, pooling_of
from cmploss.pooled.cross_encoder_files import is_cross_encoder
from cmploss.studies import Study, StudyConfig, run_study
from cmploss.studies.evaluation import EvaluationConfig, evaluate
from cmploss.studies.inspection import inspection
from cmploss.studies.run import check_run, new_model
from cmploss.tasks.data_config import DataConfig
from cmploss.tasks.text import encode, task_data
from cmploss.tasks.text.classify import predict
from cmploss.tasks.text.text_task import TextTask
from cmploss.training import ObjectiveTrainer
from tests.local_model import csv_of, reviews, save_encoder, state_pooling
from tests.tiny import model_of

CONFIG = StudyConfig("supervised,comparative", seeds=2)


@pytest.fixture(scope="module")
def pooling_encoder(tmp_path_factory):
    logging.disable_progress_bar()
    return state_pooling(save_encoder(tmp_path_factory.mktemp("models") / "pooling"), "mean")


@pytest.fixture
def study_of(config_of):
    def make(encoder, folder, rows=60, config=CONFIG, **model):
        model_config = ModelConfig(encoder, 16, **model)
        task = TextTask(
            task_data(reviews(rows)), encoder, 16, pooling=model_config.pooling, head_init=model_config.head_init
        )
        base = replace(config_of("supervised", max_steps=4), model_config=model_config)
        return Study(task, base, config, folder)

    return make


def settings_of(study):
    return study.runs[0].config.settings(study.task)


def test_auto_takes_what_the_folder_states(encoder, pooling_encoder, study_of, tmp_path):
    assert (pooling_of(encoder), pooling_of(pooling_encoder)) == ("head", "mean")
    assert (pooling_of(encoder, "cls"), pooling_of(pooling_encoder, "head")) == ("cls", "head")
    assert settings_of(study_of(pooling_encoder, tmp_path))["pooling"] == "mean"
    for plain in (study_of(encoder, tmp_path), study_of(pooling_encoder, tmp_path, pooling="head")):
        assert not {"pooling", "head_init"} & set(settings_of(plain))  # the same runs as before there was a choice
    assert settings_of(study_of(pooling_encoder, tmp_path))["head_init"] == "probe"
    for other in ({"pooling": "cls"}, {"head_init": "random"}):  # vectors that the model was not trained for
        assert "head_init" not in settings_of(study_of(pooling_encoder, tmp_path, **other))
    assert settings_of(study_of(encoder, tmp_path, head_init="probe"))["head_init"] == "probe"


def test_encoder_decoders_have_nothing_to_pool(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "t5", "d_model": 8, "num_layers": 1}))
    state_pooling(str(tmp_path), "mean")
    assert pooling_of(str(tmp_path)) == "head"
    with pytest.raises(UserError, match=r"--pooling mean needs an encoder, but .* is an encoder-decoder"):
        pooling_of(str(tmp_path), "mean")


@pytest.fixture(scope="module")
def finished(pooling_encoder, config_of, tmp_path_factory):
    """A study of the mean over tokens that starts from probes, with every checkpoint."""
    folder = tmp_path_factory.mktemp("studies") / "mean"
    base = replace(
        config_of("supervised", max_steps=4), model_config=ModelConfig(pooling_encoder, 16, head_init="probe")
    )
    config = replace(CONFIG, keep_checkpoints=True, embeddings=True)
    study = Study(TextTask(task_data(reviews(60)), pooling_encoder, 16), base, config, folder)
    study.check()
    list(run_study(study))
    return study


def test_checkpoints_are_cross_encoders_that_predict_what_the_record_says(finished):
    record = finished.records()[0]
    folder = finished.runs[0].folder / "model"
    assert is_cross_encoder(str(folder))
    assert is_cross_encoder(str(finished.folder / "best"))
    assert "from sentence_transformers import CrossEncoder" in (folder / "README.md").read_text()
    tokenizer = load_tokenizer(str(folder))
    assert tokenizer.model_max_length == 16
    encoded = encode(finished.task.data.test, tokenizer, 16)
    found = predict(load_classifier(str(folder)), tokenizer, encoded).probabilities
    np.testing.assert_allclose(found, record.predictions["test"]["probabilities"], atol=1e-5)


def test_evaluate_scores_a_cross_encoder(finished, tmp_path):
    path = tmp_path / "texts.csv"
    path.write_text(csv_of([{"text": text, "label": "good"} for text in ("lovely lamp", "quick door", "broken hub")]))
    config = EvaluationConfig(str(finished.folder / "best"), dropout_power="0,1")
    found = evaluate(DataConfig(test_file=str(path)), config)
    assert (found.examples, len(found.ablation)) == (3, 2)
    assert found.loss == pytest.approx(found.ablation[0].loss)


def test_all_objectives_of_a_seed_start_from_one_head(finished, monkeypatch, tmp_path):
    heads = []

    def note(trainer, **_):
        heads.append(trainer.model.classifier.weight.detach().clone())
        raise RuntimeError

    monkeypatch.setattr(ObjectiveTrainer, "train", note)
    study = Study(finished.task, finished.runs[0].config, CONFIG, tmp_path / "again")
    list(run_study(study))
    (first, second), (third, fourth) = heads[:2], heads[2:]
    assert torch.equal(first, second)
    assert torch.equal(third, fourth)
    assert torch.equal(first, third)  # both seeds have all examples
    assert not torch.equal(first, new_model(study.runs[0].config, study.task).classifier.weight)


def test_inspect_shows_the_dropout_of_the_pooled_head(finished):
    lines = inspection(str(finished.folder / "best"), CmpDrop(1))
    assert lines[0].startswith("PooledEncoderForSequenceClassification")
    assert any(line.split()[2:4] == ["dropout", "module"] for line in lines)
    assert any("works" in line for line in lines)


def test_a_checkpoint_of_the_trainer_is_scored_but_not_trained_again(finished, tmp_path):
    model = load_classifier(str(finished.folder / "best"))
    model.save_pretrained(tmp_path)
    again = load_classifier(str(tmp_path))
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in model.state_dict().items())
    with pytest.raises(UserError, match="is a checkpoint of the Trainer; give the folder of a finished run"):
        new_classifier(str(tmp_path), ("a", "b"), seed=0)


def test_a_study_continues_from_cross_encoders(finished, study_of, pooling_encoder, tmp_path):
    config = replace(CONFIG, init_from_study=str(finished.folder))
    study = study_of(pooling_encoder, tmp_path / "next", config=config, rows=40)
    for run, before in zip(study.runs, finished.runs, strict=True):
        saved = load_classifier(str(before.folder / "model")).state_dict()
        assert all(
            torch.equal(value, saved[name]) for name, value in new_model(run.config, study.task).state_dict().items()
        )
    with pytest.raises(UserError, match="its runs have --pooling mean; leave --pooling out"):
        study_of(pooling_encoder, tmp_path / "other", config=config, pooling="cls")


def test_a_head_without_a_last_linear_layer_is_refused_before_anything_is_written(encoder, config_of, monkeypatch):
    config = replace(config_of("supervised"), model_config=ModelConfig(encoder, 16, head_init="probe"))
    task = TextTask(task_data(reviews(60)), encoder, 16, head_init="probe")
    monkeypatch.setattr(task, "new_model", lambda *_: model_of("Qwen3"))
    with pytest.raises(UserError, match="--head_init probe needs a head that ends in one linear layer"):
        check_run(config, task)


def test_the_head_of_transformers_is_as_before(encoder, study_of, tmp_path):
    study = study_of(encoder, tmp_path / "head", config=StudyConfig("supervised", seeds=1))
    list(run_study(study))
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "head" / "best")
    assert type(model).__name__ == "BertForSequenceClassification"
    assert "AutoModelForSequenceClassification" in study.task.model_class
