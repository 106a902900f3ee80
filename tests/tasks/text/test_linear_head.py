"""The head that starts where a probe ends."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from transformers.utils import logging

from cmploss.errors import UserError
from cmploss.models import new_classifier
from cmploss.tasks.base import Sample
from cmploss.tasks.text import task_data
from cmploss.tasks.text.classify import predict
from cmploss.tasks.text.text_task import TextTask
from cmploss.tasks.text.text_vectors import final_linear, head_vectors
from tests.local_model import reviews, save_encoder
from tests.tiny import ARCHITECTURES, batch_of, model_of


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    logging.disable_progress_bar()
    return save_encoder(tmp_path_factory.mktemp("models") / "encoder")


ROWS = reviews(60)
GRADES = [{"text": row["text"], "label": float(len(row["text"]))} for row in ROWS]


def task_of(encoder, pooling, rows=ROWS):
    data = task_data(rows, kind="classification" if rows is ROWS else "regression")
    return TextTask(data, encoder, 16, pooling=pooling, head_init="probe")


def started(task, sample, seed=0):
    model = task.new_model(seed)
    task.start_head(model, sample)
    return model


@pytest.mark.parametrize("pooling", ["head", "cls", "mean"])
def test_the_first_probabilities_are_those_of_the_probe(encoder, pooling):
    task, sample = task_of(encoder, pooling), Sample(30, 1)
    model = started(task, sample)
    encoded, test = task.train(sample), task.split("test")
    vectors = head_vectors(model, task.tokenizer, encoded)
    strength = task.probe(model, sample).strength
    expected = LogisticRegression(C=strength, max_iter=1000).fit(vectors, encoded["labels"][:])
    found = predict(model, task.tokenizer, test).probabilities
    np.testing.assert_allclose(found, expected.predict_proba(head_vectors(model, task.tokenizer, test)), atol=1e-5)
    assert np.ptp(found[:, 0]) > 0.1
    plain = predict(task.new_model(0), task.tokenizer, test).probabilities
    assert np.abs(found - plain).max() > 0.1


def test_numbers_start_at_ridge_regression(encoder):
    task, sample = task_of(encoder, "mean", GRADES), Sample(30, 1)
    model = started(task, sample)
    encoded, test = task.train(sample), task.split("test")
    vectors = head_vectors(model, task.tokenizer, encoded)
    expected = Ridge(alpha=1 / task.probe(model, sample).strength).fit(vectors, encoded["labels"][:])
    found = predict(model, task.tokenizer, test).values
    np.testing.assert_allclose(found, expected.predict(head_vectors(model, task.tokenizer, test)), rtol=1e-5)


def test_the_head_is_that_of_the_sample_alone(encoder):
    task = task_of(encoder, "mean")
    heads = [started(task, Sample(30, 1), seed).classifier.weight for seed in (0, 7)]
    assert torch.equal(*heads)
    assert not torch.equal(heads[0], started(task, Sample(30, 2)).classifier.weight)


def test_vectors_are_what_the_head_reads(encoder):
    task = task_of(encoder, "head")
    model, test = task.new_model(0).eval(), task.split("test")
    found = head_vectors(model, task.tokenizer, test)
    batch = task.tokenizer.pad({"input_ids": test["input_ids"][:]}, return_tensors="pt")
    with torch.no_grad():
        expected = model.bert(**batch).pooler_output
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_last_linear_layer_of_every_architecture(architecture):
    model = model_of(architecture).eval()
    if architecture == "Qwen3":
        with pytest.raises(UserError, match="with a bias; Qwen3ForSequenceClassification has another"):
            final_linear(model)
        return
    layer, seen = final_linear(model), []
    layer.register_forward_hook(lambda _module, inputs, outputs: seen.append((inputs[0], outputs)))
    logits = model(**{name: value for name, value in batch_of().items() if name != "labels"}).logits
    assert torch.equal(seen[0][1], logits)
    assert seen[0][0].dim() == 2


def test_a_check_changes_nothing(encoder):
    task = task_of(encoder, "mean")
    model = new_classifier(encoder, task.label_names, seed=0, pooling="mean")
    before = model.classifier.weight.clone()
    task.start_head(model, None)
    assert torch.equal(model.classifier.weight, before)
