"""Question answering runs, from files to a checkpoint."""

import json
from dataclasses import replace

import numpy as np
import pytest

from cmploss.errors import UserError
from cmploss.experiment import Noise, read_record
from cmploss.experiment.spec import ObjectiveSpec
from cmploss.model_config import ModelConfig
from cmploss.models import load_model
from cmploss.studies import RunConfig, run_one
from cmploss.studies.comparison import compare
from cmploss.studies.run import check_run
from cmploss.studies.study_words import headline
from cmploss.tasks.base import Sample
from cmploss.tasks.data_config import DataConfig
from cmploss.tasks.qa import QuestionConfig
from cmploss.tasks.qa.answers import question_scores
from cmploss.tasks.qa.question_data import load_questions
from cmploss.tasks.qa.question_task import QuestionTask
from cmploss.tasks.qa.reader_config import ReaderConfig
from tests.local_questions import segmented, squad
from tests.studies.conftest import TRAINING
from tests.tasks.qa.files import lines


@pytest.fixture
def run_of(encoder, tmp_path):
    """A question answering run: its configuration and task."""

    def make(task, document, objective="supervised", *, qa=None, crops=0, few_shot=None, **options):
        path = tmp_path / f"{task}.{'jsonl' if isinstance(document, str) else 'json'}"
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        qa_config = QuestionConfig(**{"stride": 4, **(qa or {})})
        config = RunConfig(
            ObjectiveSpec.parse(objective, {"n_crop": crops}),
            model_config=ModelConfig(encoder, 32),
            few_shot=few_shot,
            training={**TRAINING, "max_steps": 60, **options},
        )
        data = load_questions(DataConfig(task=task, train_file=str(path)), qa_config)
        return config, QuestionTask(data, encoder, 32, qa_config)

    return make


def test_a_run_on_squad_learns_and_reads_as_trained(run_of, tmp_path):
    config, task = run_of("squad", squad(12, 8))
    finished = run_one(config, task, tmp_path / "run")
    record = finished.record
    assert record.score("test", "f1") > 80  # by chance about 10
    assert (record.benchmark.measure, record.benchmark.task) == ("f1", "squad")
    assert record.settings["stride"] == 4
    assert record.settings["max_length"] == 32
    found = record.predictions["test"]
    assert found["ids"] == [question.id for question in task.data.test]
    assert np.mean(found["f1"]) == pytest.approx(record.score("test", "f1"), abs=0.01)
    assert found["predictions"][0] in task.data.test[0].segments[0].text
    task.save(finished.model, tmp_path / "best", record)
    assert ReaderConfig.load(tmp_path / "best") == task.reader
    check_run(run_of("squad", squad(12, 8), f"distill(teacher={tmp_path / 'best'})")[0], task)  # it can teach
    assert load_model(str(tmp_path / "best"), "QuestionAnswering").config.architectures == ["BertForQuestionAnswering"]
    assert "question-answering" in (tmp_path / "best/README.md").read_text()


def test_the_threshold_for_no_answer_is_chosen_on_validation_data(run_of, tmp_path):
    config, task = run_of("squad_v2", squad(12, 9, unanswerable=True))
    finished = run_one(replace(config, powers=(0, 2)), task, tmp_path / "run")
    threshold = finished.record.data["no_answer_threshold"]
    scores = finished.record.measures("test")
    assert scores["no_answer_exact_match"] > 50
    assert scores["has_answer_f1"] > 50
    assert "questions" not in scores
    parts = finished.record.predictions
    assert "" in parts["test"]["predictions"]
    finished.model.eval()
    full, ablated = (task._answered(finished.model, "test", 64, power=power) for power in (None, 2))
    assert finished.record.measures("test", {"dropout_power": 2}) == pytest.approx(
        {
            **question_scores(ablated, (), threshold),  # of the full model
            "loss": ablated.losses.mean(),
            "violation_rate": 100 * np.mean(ablated.losses < full.losses),
        }
    )
    assert question_scores(ablated, (), threshold) != question_scores(ablated)
    assert np.abs(ablated.losses - full.losses).max() > 0.01  # dropout was on
    assert {**scores, "violation_rate": 0.0}.items() <= finished.record.measures("test", {"dropout_power": 0}).items()
    found = task._answered(finished.model, "validation", 8)
    by_hand = [
        "" if answers.null_score - answers.best[0].score > threshold else answers.best[0].text
        for answers in found.answers
    ]
    assert by_hand == parts["validation"]["predictions"]
    task.save(finished.model, tmp_path / "best", finished.record)
    assert ReaderConfig.load(tmp_path / "best").no_answer_threshold == threshold


def test_crops_train_and_every_context_size_is_scored(run_of, tmp_path):
    rows = lines(*segmented(60))
    config, task = run_of(
        "question_answering", rows, "comparative", crops=1, qa={"context_size": "1,2,4"}, max_steps=30
    )
    record = run_one(config, task, tmp_path / "run").record
    assert config.crops == 1
    assert {"loss_full", "penalty", "violation_rate"} <= set(record.history[0])
    assert record.cost["passes_per_step"] == 3
    assert record.measures("test", {"context_size": 4}) == record.measures("test")
    assert record.score("test", "f1", {"context_size": 1}) > record.score("test", "f1") - 10
    assert {score.at.get("context_size") for score in record.scores if score.split == "test"} == {None, 1, 2, 4}


def test_every_objective_sees_the_same_full_view(run_of):
    _, task = run_of("question_answering", lines(*segmented(30)))
    plain, cropped = task.train(Sample(), 0), task.train(Sample(), 1)
    for one, views in zip(plain, cropped, strict=True):
        assert len(one) == 1
        assert len(views) == 2
        np.testing.assert_array_equal(one[0]["input_ids"], views[0]["input_ids"])
    assert cropped.lengths == [len(views[0]["input_ids"]) for views in cropped]


def test_without_evidence_flags_there_are_no_crops(run_of, tmp_path):
    rows = lines(*segmented(30, flagged=False))
    config, task = run_of("question_answering", rows, max_steps=2)
    assert isinstance(task.train(Sample())[0], dict)
    assert len(task.train(Sample(7))) == 7
    config, task = run_of("question_answering", rows, "comparative", crops=1)
    with pytest.raises(UserError, match=r"segments\[0\].evidence is missing"):
        check_run(config, task)


def test_one_text_cannot_be_cropped(run_of, tmp_path):
    config, task = run_of("squad", squad(8, 3), "comparative", crops=1)
    with pytest.raises(UserError, match=r"--n_crop 1 drops paragraphs of a question.*add --distractors 3"):
        check_run(config, task)


@pytest.mark.parametrize("noise", ["label:0.5", "back_translation:0.5"])
def test_noise_is_for_texts(run_of, noise):
    for task in ("squad", "question_answering"):
        rows = squad(8, 3) if task == "squad" else lines(*segmented(30))
        config, task = run_of(task, rows)
        with pytest.raises(UserError, match=f"--noise {noise} is for texts with labels"):
            check_run(replace(config, noise=Noise.parse(noise), translation=object()), task)


def test_an_epoch_counts_the_windows_of_long_contexts(run_of):
    config, task = run_of("squad", squad(8, 3), qa={"stride": 2}, max_steps=-1, num_train_epochs=1)
    short = config.steps(task.examples(Sample()))
    assert (task.examples(Sample()), short) == (15, 2)
    document = squad(8, 3)
    for article in document["data"]:
        for paragraph in article["paragraphs"]:
            paragraph["context"] += " so" * 40
    config, task = run_of("squad", document, qa={"stride": 2}, max_steps=-1, num_train_epochs=1)
    assert task.examples(Sample()) > 15
    assert config.settings(task)["training"]["max_steps"] == config.steps(task.examples(Sample())) > 2


def test_best_checkpoint_by_f1_while_training(run_of, tmp_path):
    options = {"eval_strategy": "steps", "eval_steps": 10, "save_strategy": "steps", "save_steps": 10}
    best = {"load_best_model_at_end": True, "metric_for_best_model": "f1"}
    config, task = run_of("squad", squad(8, 6), max_steps=30, **options, **best)
    record = run_one(config, task, tmp_path / "run").record
    reached = [entry["eval_f1"] for entry in record.history if "eval_f1" in entry]
    assert len(reached) == 3
    assert record.score("validation", "f1") == pytest.approx(max(reached))


def test_compare_with_few_questions(encoder, tmp_path):
    (tmp_path / "d.json").write_text(json.dumps(squad(10, 5)))
    study = compare(
        task="squad",
        train_file=str(tmp_path / "d.json"),
        model=encoder,
        max_length=32,
        stride=4,
        objectives="supervised,comparative",
        seeds=2,
        few_shot=20,
        dropout_power="0,1",
        output_dir=str(tmp_path / "study"),
        **{**TRAINING, "max_steps": 4},
    )
    assert [row.n for row in study.table().rows] == [2, 2]
    assert study.table().benchmark.measure == "f1"
    assert "question answering, one text" in headline(study)
    assert (tmp_path / "study/best/reader.json").exists()
    record = read_record(tmp_path / "study/supervised/seed-0/record.json")
    assert record.data["splits"]["train"]["examples"] == 20
    assert {"f1", "exact_match", "loss", "violation_rate"} == record.measures("test", {"dropout_power": 1}).keys()
    assert "Violation rate under ablation" in (tmp_path / "study/report.html").read_text()


def test_a_context_size_is_refused_before_anything_is_trained(run_of):
    """It needs several texts of each question, and flags of evidence in the split that is scored."""
    with pytest.raises(UserError, match="--context_size is for several paragraphs per question; --task squad has one"):
        run_of("squad", squad(12, 8), qa={"context_size": "2"})
    questions = segmented(12)
    for question in questions:
        for segment in question["segments"]:
            del segment["evidence"]
    with pytest.raises(UserError, match=r"segments\[0\].evidence is missing"):
        run_of("question_answering", lines(*questions), qa={"context_size": "2"})


def test_shortened_paragraphs_are_counted(run_of, tmp_path):
    config, task = run_of(
        "question_answering", lines(*segmented(12)), qa={"max_paragraph_tokens": 2, "fit": "shortened"}
    )
    notes = run_one(replace(config, training={**TRAINING, "max_steps": 1}), task, tmp_path / "run").record.data["notes"]
    tested, trained = task.sizes["test"], task.sizes["train"]
    assert f"{tested} of {tested} test questions are read with shortened paragraphs." in notes
    assert f"{trained} of {trained} training questions are read with shortened paragraphs." in notes
    _, whole = run_of("question_answering", lines(*segmented(12)), qa={"max_paragraph_tokens": 2})
    whole.windows("test")
    assert whole.sample_notes(Sample()) == ()


@pytest.mark.parametrize("size", [0, -5, 1000])
def test_a_sample_of_another_size_than_asked_for_is_refused(run_of, size):
    _, task = run_of("question_answering", lines(*segmented(30)))
    with pytest.raises(UserError, match=f"a few-shot sample must have from 1 to .* examples, got {size}"):
        task.train(Sample(size))
