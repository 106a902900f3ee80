"""A run that learns from a teacher: its identity, its notes, and teachers that read something else."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cmploss.errors import UserError
from cmploss.experiment.run_dir import check_folder, claim_folder
from cmploss.models import load_tokenizer
from cmploss.studies.run import check_run, run_one
from cmploss.studies.run_notes import notes_on
from cmploss.studies.teacher import check_teacher
from cmploss.tasks.folds import Folds
from cmploss.tasks.text import task_data
from cmploss.tasks.text.text_task import TextTask
from tests.local_model import WORDS, reviews, save_encoder


@pytest.fixture(scope="module")
def teacher(task, config_of, tmp_path_factory):
    """The folder of a trained model."""
    folder = tmp_path_factory.mktemp("teacher")
    trained = run_one(config_of("supervised"), task, folder / "run")
    task.save(trained.model, folder / "best", trained.record)
    return str(folder / "best")


@pytest.fixture
def distill(config_of, teacher):
    return config_of("distill", settings={"teacher": teacher})


def test_a_run_learns_from_a_trained_run(distill, task, tmp_path):
    check_run(distill, task)
    record = run_one(distill, task, tmp_path).record
    assert record.history[-1]["distillation"] < record.history[0]["distillation"]
    assert record.cost["passes_per_step"] == 1


def test_the_weights_of_the_teacher_are_part_of_the_identity(distill, task, teacher, tmp_path):
    claim_folder(tmp_path / "run", distill.settings(task))
    check_folder(tmp_path / "run", distill.settings(task))
    config = Path(teacher) / "config.json"
    before = config.read_text()
    config.write_text(json.dumps(json.loads(before) | {"hidden_dropout_prob": 0.2}))
    with pytest.raises(UserError, match=r"already holds another run: its teacher_files\.sha256 is"):
        check_folder(tmp_path / "run", distill.settings(task))
    config.write_text(before)


def test_other_objectives_have_no_teacher(config_of, task, teacher):
    assert "teacher_files" not in config_of("supervised", settings={"teacher": teacher}).settings(task)
    assert config_of("comparative+distill", settings={"teacher": teacher}).teacher == teacher


def test_a_teacher_may_know_the_test_splits_of_folds(distill, task):
    assert notes_on(distill, task) == ()
    (note,) = notes_on(replace(distill, fold=Folds.parse("5")[0]), task)
    assert note == "distill: with --folds, a teacher trained on the same file knows the test splits."


def test_another_vocabulary_is_refused(distill, task, teacher, tmp_path):
    other = save_encoder(tmp_path / "other")
    tokenizer = load_tokenizer(other)
    tokenizer.add_tokens(["lamps"])
    tokenizer.save_pretrained(other)
    with pytest.raises(UserError, match=rf"has another tokenizer than .*, with {len(WORDS) + 1} tokens instead of"):
        check_teacher(other, task)
    check_teacher(teacher, task)


def test_the_same_vocabulary_read_in_another_way_is_refused(encoder, tmp_path):
    other = save_encoder(tmp_path / "other")
    path = tmp_path / "other" / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"do_lower_case": False}))
    loud = [row | {"text": f"Lamp {row['text']}"} for row in reviews(60)]
    with pytest.raises(UserError, match=r"has another tokenizer than .*: it encodes '.*Lamp.* in another way"):
        check_teacher(other, TextTask(task_data(loud), encoder, 16))


def test_a_teacher_that_tells_two_texts_apart_is_refused_if_the_student_does_not(tmp_path):
    """The types of tokens of the second text would be 0, silently; of a single text they are."""
    student = save_encoder(tmp_path / "student")
    config = tmp_path / "student" / "tokenizer_config.json"
    without = {"model_input_names": ["input_ids", "attention_mask"]}
    config.write_text(json.dumps(json.loads(config.read_text()) | without))
    teacher = save_encoder(tmp_path / "teacher")
    assert "token_type_ids" not in load_tokenizer(student)("the lamp", "is new")
    check_teacher(teacher, TextTask(task_data(reviews(60)), student, 16))
    pairs = [{"text": row["text"], "text_pair": "the lamp", "label": row["label"]} for row in reviews(60)]
    with pytest.raises(UserError, match="in another way; give a teacher with the same tokenizer"):
        check_teacher(teacher, TextTask(task_data(pairs), student, 16))
