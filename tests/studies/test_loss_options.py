"""Class weights, early stopping and gradient clipping: what they change, and what records say."""

import numpy as np
import pytest
import torch
from datasets import ClassLabel, Dataset, Features, Value
from sklearn.utils.class_weight import compute_class_weight

from cmploss.errors import UserError
from cmploss.experiment import RunRecord
from cmploss.experiment.spec import ObjectiveSpec
from cmploss.model_config import ModelConfig
from cmploss.studies import compare
from cmploss.studies.run import run_one, trainer_of
from cmploss.studies.run_config import RunConfig
from cmploss.tasks.base import Sample
from cmploss.tasks.text import task_data
from cmploss.tasks.text.text_task import TextTask
from tests.local_model import reviews, save_encoder

ROWS = [row for index, row in enumerate(reviews(120)) if index % 2 or index % 6 == 0]  # 60 bad, 20 good


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("models") / "encoder")


@pytest.fixture(scope="module")
def task(encoder):
    return TextTask(task_data(ROWS), encoder, 16)


def config_of(encoder, **training):
    training = {"use_cpu": True, "learning_rate": 1e-2, "max_steps": 20, "optim": "sgd", **training}
    return RunConfig(ObjectiveSpec.parse("no_dropout", {}), model_config=ModelConfig(encoder), training=training)


def weights_after(trainer):
    trainer.train()
    return torch.cat([parameter.detach().flatten() for parameter in trainer.model.parameters()])


@pytest.mark.parametrize("size", [None, 20])
def test_weights_are_balanced_on_the_sample_of_the_run(task, size):
    sample = Sample(size, seed=1)
    labels = np.array(task.train(sample)["labels"][:])
    expected = compute_class_weight("balanced", classes=np.arange(2), y=labels)
    assert task.class_weights(sample) == pytest.approx(expected.tolist())
    assert np.mean(np.array(task.class_weights(sample))[labels]) == pytest.approx(1)


def test_a_class_without_examples_has_no_weight(encoder):
    """Label smoothing would give it as much as the class of an example."""
    features = Features({"text": Value("string"), "label": ClassLabel(names=["a", "b", "absent"])})
    labels = [int(number % 4 == 0) for number in range(len(ROWS))]
    rows = Dataset.from_dict({"text": [row["text"] for row in ROWS], "label": labels}, features=features)
    found = TextTask(task_data(rows), encoder, 16)
    assert found.label_names == ("a", "b", "absent")
    labels = np.array(found.train(Sample())["labels"][:])
    expected = compute_class_weight("balanced", classes=np.arange(2), y=labels)
    assert found.class_weights(Sample()) == pytest.approx([*expected.tolist(), 0.0])


def test_weights_change_training_and_none_does_not(task, encoder, tmp_path):
    plain, none, balanced = (
        weights_after(trainer_of(config_of(encoder, max_steps=2, **options), task, tmp_path / str(number), []))
        for number, options in enumerate([{}, {"class_weights": "none"}, {"class_weights": "balanced"}])
    )
    assert torch.equal(plain, none)
    assert (plain - balanced).abs().max() > 1e-6


def test_clipping_limits_the_step(task, encoder, tmp_path):
    start = torch.cat([parameter.detach().flatten() for parameter in task.new_model(0).parameters()])
    options = {"max_steps": 1, "warmup_steps": 0, "learning_rate": 1.0}
    free, clipped = (
        weights_after(trainer_of(config_of(encoder, max_grad_norm=norm, **options), task, tmp_path / str(norm), []))
        for norm in (0.0, 1e-3)
    )
    assert (clipped - start).norm() == pytest.approx(1e-3, rel=1e-2)
    assert (free - start).norm() > 1e-2


def test_a_run_that_does_not_improve_stops_and_says_so(task, encoder, tmp_path):
    config = config_of(encoder, learning_rate=1e-9, early_stopping_patience=2)  # evaluated at 4, 8, 12, 16 and 20
    record: RunRecord = run_one(config, task, tmp_path / "run").record
    assert record.cost["steps"] == 12
    assert record.condition.steps == 20
    note = "Training stopped at step 12 of 20: 2 evaluations without a better score."
    assert note in record.data["notes"]
    assert record.settings["training"]["early_stopping_patience"] == 2
    assert record.settings["training"]["load_best_model_at_end"]
    again = run_one(config, task, tmp_path / "run").record  # as after a kill between training and the record
    assert (again.cost["steps"], again.scores) == (12, record.scores)


def test_a_study_compares_weights_as_rows(encoder, tmp_path):
    study = compare(
        ROWS,
        objectives="supervised",
        vary={"class_weights": ["none", "balanced"]},
        model=encoder,
        seeds=1,
        max_steps=4,
        use_cpu=True,
        output_dir=str(tmp_path / "study"),
    )
    assert [row.n for row in study.table().rows] == [1, 1]
    assert {each.settings["training"]["class_weights"] for each in study.records()} == {"none", "balanced"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"early_stopping_patience": 2, "prediction_loss_only": True}, "--prediction_loss_only is not supp"),
        ({"early_stopping_patience": 0}, "--early_stopping_patience 0 is out of range; give a number above 0"),
        ({"class_weights": "equal"}, "--class_weights must be one of none, balanced, got 'equal'"),
        ({"early_stopping_patience": 2, "load_best_model_at_end": False}, "keeps the best checkpoint; leave"),
        ({"class_weights": "balanced", "task": "multi_label"}, "--class_weights is for texts with one class"),
    ],
)
def test_what_does_not_fit_is_refused(encoder, tmp_path, options, message):
    with pytest.raises(UserError, match=message):
        compare(ROWS, model=encoder, max_steps=4, use_cpu=True, output_dir=str(tmp_path / "out"), **options)
    assert not (tmp_path / "out").exists()
