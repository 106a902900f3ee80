"""Runs that continue from the finished runs of another study, and the vectors that runs keep."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification

from cmploss.errors import UserError
from cmploss.experiment import fingerprint
from cmploss.model_config import ModelConfig
from cmploss.reports import silhouette
from cmploss.studies import Study, StudyConfig, run_study
from cmploss.studies.run import new_model
from cmploss.tasks.text import task_data
from cmploss.tasks.text.text_task import TextTask
from cmploss.tasks.text.text_vectors import saved_cls_vectors
from tests.local_model import reviews

CONFIG = StudyConfig("supervised,no_dropout", seeds=2)
KEEPS = replace(CONFIG, keep_checkpoints=True, embeddings=True)


@pytest.fixture(scope="module")
def other(encoder):
    """Another data set with labels of other names."""
    rows = [{"text": row["text"], "label": {"bad": "−", "good": "+"}[row["label"]]} for row in reviews(40, seed=7)]
    return TextTask(task_data(rows), encoder, 16)


@pytest.fixture(scope="module")
def earlier(task, config_of, tmp_path_factory):
    study = Study(task, config_of("supervised", max_steps=6), KEEPS, tmp_path_factory.mktemp("a") / "one")
    study.check()
    list(run_study(study))
    return study


@pytest.fixture
def then(other, config_of, earlier):
    def make(folder, then=earlier.folder, config=CONFIG, **tools):
        base = config_of("supervised", max_steps=3)
        return Study(other, base, replace(config, init_from_study=str(then), **tools), folder)

    return make


def test_options_that_finished_runs_lack_are_named(earlier, task, config_of, tmp_path, caplog):
    copy = shutil.copytree(earlier.folder, tmp_path / "copy")
    list(run_study(Study(task, config_of("supervised", max_steps=6), KEEPS, copy)))
    assert "note:" not in caplog.text  # control
    shutil.rmtree(copy / "no_dropout" / "seed-1" / "model")
    (copy / "supervised" / "seed-0" / "vectors.npy").unlink()
    list(run_study(Study(task, config_of("supervised", max_steps=6, report_to="clearml"), KEEPS, copy)))
    said = [record.getMessage() for record in caplog.records if record.getMessage().startswith("note:")]
    assert [note.split()[1] for note in said] == ["--keep_checkpoints", "--embeddings", "--report_to"]
    assert [note.split(" in ")[-1].count(str(copy)) for note in said] == [1, 1, 4]
    assert said[0].endswith(f"to train them again, remove record.json in {copy / 'no_dropout' / 'seed-1'}")


def test_a_record_without_a_model_is_named(earlier, task, config_of, tmp_path):
    copy = shutil.copytree(earlier.folder, tmp_path / "copy")
    path = copy / "supervised" / "seed-0" / "record.json"
    record = json.loads(path.read_text())
    del record["settings"]["model"]
    path.write_text(json.dumps(record))
    config = StudyConfig("supervised", seeds=1, init_from_study=str(copy))
    with pytest.raises(UserError, match=r"--init_from_study .*record.json names no model; train that run again"):
        Study(task, config_of("supervised"), config, tmp_path / "two")


def test_every_checkpoint_is_kept_and_the_best_is_a_copy(earlier):
    for run in earlier.runs:
        assert AutoModelForSequenceClassification.from_pretrained(run.folder / "model").config.num_labels == 2
    best = json.loads((earlier.folder / "best" / "run.json").read_text())["run"]
    one, copy = (folder / "model.safetensors" for folder in (earlier.folder / best / "model", earlier.folder / "best"))
    assert one.read_bytes() == copy.read_bytes()


def test_runs_start_from_the_run_of_their_objective_and_seed(earlier, then, tmp_path):
    study = then(tmp_path)
    heads = []
    for run, before in zip(study.runs, earlier.runs, strict=True):
        assert (run.config.objective, run.config.seed) == (before.config.objective, before.config.seed)
        saved = AutoModelForSequenceClassification.from_pretrained(before.folder / "model").state_dict()
        model = new_model(run.config, study.task)
        assert all(torch.equal(value, saved[name]) for name, value in model.state_dict().items())
        assert model.config.id2label == {0: "+", 1: "−"}
        heads.append(saved["classifier.weight"])
    assert not torch.equal(heads[0], heads[1])


def test_records_say_what_they_continue_and_the_study_runs(earlier, then, tmp_path):
    study = then(tmp_path / "study")
    study.check()
    records = list(run_study(study))
    for record, before in zip(records, earlier.records(), strict=True):
        assert record.settings["then"] == {"task": "data", "steps": 6, "run": fingerprint(before.settings)}
        assert record.settings["model"] == before.settings["model"]
        assert record.cost["steps"] == 3
        assert str(tmp_path) not in json.dumps(record.settings)
    again = then(tmp_path / "study")
    again.check()
    assert list(run_study(again)) == []


def test_a_head_of_another_size_is_new(earlier, config_of, encoder, tmp_path):
    rows = [{"text": f"the {word}", "label": word} for word in ("lamp", "door", "hub")] * 8
    task = TextTask(task_data(rows), encoder, 16)
    study = Study(task, config_of("supervised"), replace(CONFIG, init_from_study=str(earlier.folder)), tmp_path)
    study.check()
    assert new_model(study.runs[0].config, study.task).config.num_labels == 3


def test_what_is_refused(earlier, then, other, config_of, tmp_path):
    with pytest.raises(UserError, match=r"no finished run of supervised, seed 2 .* every objective and seed"):
        then(tmp_path, config=replace(CONFIG, seeds=3))
    with pytest.raises(UserError, match="no finished run of scl, seed 0"):
        then(tmp_path, config=replace(CONFIG, objectives="supervised,scl"))
    unset = config_of()
    del unset.training["learning_rate"]
    with pytest.raises(UserError, match="--init_from_study keeps the settings of the runs"):
        Study(other, unset, replace(CONFIG, init_from_study=str(earlier.folder), search_trials=2), tmp_path)
    renamed = replace(config_of("supervised"), model_config=ModelConfig("another/model", 16))
    with pytest.raises(UserError, match=r"its runs have the model .*encoder; leave --model out"):
        Study(other, renamed, replace(CONFIG, init_from_study=str(earlier.folder)), tmp_path)
    (earlier.runs[3].folder / "model").rename(tmp_path / "model")
    with pytest.raises(UserError, match=r"the checkpoint of .*seed-1 was not kept; .* --keep_checkpoints true"):
        then(tmp_path / "study")
    (tmp_path / "model").rename(earlier.runs[3].folder / "model")


def test_vectors_of_seed_0_are_kept_measured_and_drawn(earlier):
    runs = [run for run in earlier.runs if run.config.seed == 0]
    assert {path.parent for path in earlier.folder.rglob("vectors.npy")} == {run.folder for run in runs}
    labels = np.asarray(earlier.task.data.test["label"][:])
    page = (earlier.folder / "report.html").read_text()
    for run in runs:
        vectors = np.load(run.folder / "vectors.npy")
        saved = saved_cls_vectors(str(run.folder / "model"), earlier.task.data.test)
        np.testing.assert_allclose(vectors, saved, atol=1e-5)
        (record,) = (r for r in earlier.records() if (r.name, r.seed) == (run.config.objective, 0))
        assert record.data["silhouette"] == pytest.approx(silhouette(vectors, labels), abs=1e-4)
        assert f"{run.config.objective} {record.data['silhouette']:.2f} (seed 0)" in page
        assert f">{run.config.objective}<" in (earlier.folder / "embeddings.svg").read_text()
    assert 'alt="Test examples of each objective, drawn by t-SNE and coloured by class.' in page


def test_too_few_classes_for_vectors(config_of, encoder, tmp_path):
    rows = reviews(20)
    one = [row for row in rows if row["label"] == "good"]
    task = TextTask(task_data(rows, rows[:4], one), encoder, 16)
    with pytest.raises(UserError, match="--embeddings: the test split of data has 10 examples of 1 classes"):
        Study(task, config_of(), replace(CONFIG, embeddings=True), tmp_path)
