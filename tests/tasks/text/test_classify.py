"""Predictions in their order, submodels with nested masks, and violation rates by hand."""

from functools import partial

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from cmploss.ablation import nested_dropout
from cmploss.errors import UserError
from cmploss.measures import score
from cmploss.models import load_tokenizer, new_classifier
from cmploss.studies import predict
from cmploss.tasks.ablation_curve import Submodels, submodel_curve
from cmploss.tasks.text import encode, task_data
from tests.local_model import reviews


@pytest.fixture(scope="module")
def classifier(encoder):
    return new_classifier(encoder, ("bad", "good"), seed=0)


@pytest.fixture(scope="module")
def tokenizer(encoder):
    return load_tokenizer(encoder)


@pytest.fixture(scope="module")
def encoded(tokenizer):
    """30 texts of 3 to 10 tokens, their lengths in no order."""
    return encode(task_data(reviews(30), reviews(2, seed=1)).train, tokenizer, 16)


def one_by_one(model, encoded):
    """The plainest evaluation there is: logits and cross-entropy, one example at a time and without padding."""
    model.eval()
    outputs, losses = [], []
    for row in encoded:
        inputs = {name: torch.tensor([row[name]]) for name in ("input_ids", "attention_mask", "token_type_ids")}
        with torch.no_grad():
            logits = model(**inputs).logits
        outputs.append(logits[0].double().numpy())
        losses.append(F.cross_entropy(logits, torch.tensor([row["labels"]])).item())
    return np.stack(outputs), np.array(losses)


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_equals_an_unbatched_loop_in_the_order_of_the_examples(classifier, tokenizer, encoded, batch_size):
    lengths = [len(ids) for ids in encoded["input_ids"]]
    assert lengths != sorted(lengths)
    assert lengths != sorted(lengths, reverse=True)
    outputs, losses = one_by_one(classifier, encoded)
    found = predict(classifier, tokenizer, encoded, batch_size=batch_size)
    np.testing.assert_allclose(found.outputs, outputs, atol=1e-5)
    np.testing.assert_allclose(found.losses, losses, atol=1e-5)
    assert found.values.tolist() == [int(row[1] > row[0]) for row in outputs]
    np.testing.assert_allclose(found.probabilities[:, 0], 1 / (1 + np.exp(outputs[:, 1] - outputs[:, 0])), atol=1e-5)
    assert len(set(found.losses.round(6))) > 10  # an order can be seen


def test_the_order_of_the_examples_does_not_matter(classifier, tokenizer, encoded):
    order = np.random.RandomState(0).permutation(len(encoded))
    found = predict(classifier, tokenizer, encoded, batch_size=4)
    shuffled = predict(classifier, tokenizer, encoded.select(order), batch_size=4)
    np.testing.assert_allclose(shuffled.outputs, found.outputs[order], atol=1e-5)


def test_without_labels_there_are_no_losses(classifier, tokenizer, encoded):
    found = predict(classifier, tokenizer, encoded.remove_columns("labels"))
    np.testing.assert_allclose(found.outputs, predict(classifier, tokenizer, encoded).outputs)
    assert np.isnan(found.losses).tolist() == [True] * 30


def test_regression_has_one_output_and_squared_errors(encoder, tokenizer, encoded):
    model = new_classifier(encoder, (), seed=0)
    found = predict(model, tokenizer, encoded)
    assert found.is_regression
    assert found.outputs.shape == (30, 1)
    assert found.probabilities.shape == (30, 0)
    np.testing.assert_allclose(found.losses, (found.values - np.array(encoded["labels"])) ** 2, rtol=1e-5)


def test_power_0_equals_eval_mode_and_other_powers_do_not(classifier, tokenizer, encoded):
    plain = predict(classifier, tokenizer, encoded)
    np.testing.assert_allclose(predict(classifier, tokenizer, encoded, power=0).outputs, plain.outputs, atol=1e-6)
    one = predict(classifier, tokenizer, encoded, power=1, seed=3)
    assert np.abs(one.outputs - plain.outputs).max() > 0.1
    np.testing.assert_array_equal(one.outputs, predict(classifier, tokenizer, encoded, power=1, seed=3).outputs)
    assert np.abs(one.outputs - predict(classifier, tokenizer, encoded, power=1, seed=4).outputs).max() > 0.1
    assert np.abs(one.outputs - predict(classifier, tokenizer, encoded, power=1, seed=3, p=0.5).outputs).max() > 0.1


def test_a_submodel_is_that_of_nested_dropout_and_every_batch_has_masks_of_its_own(classifier, tokenizer, encoded):
    twice = encoded.select([0, 0])
    found = predict(classifier, tokenizer, twice, batch_size=1, power=2, seed=5)
    row = {name: torch.tensor([encoded[0][name]]) for name in ("input_ids", "attention_mask", "token_type_ids")}
    for number in (0, 1):
        with torch.no_grad(), nested_dropout(classifier, 2, seed=5 + number):
            expected = classifier(**row).logits[0]
        np.testing.assert_allclose(found.outputs[number], expected.double().numpy(), atol=1e-6)
    assert np.abs(found.outputs[0] - found.outputs[1]).max() > 1e-3


def curve_of(model, tokenizer, encoded, submodels):
    run = partial(predict, model, tokenizer, encoded)

    def scored(found):
        return score(("accuracy",), found.values, np.array(encoded["labels"]))

    return submodel_curve(run(), run, scored, submodels)


def test_masks_of_an_ablation_curve_nest(classifier, tokenizer, encoded):
    """What a weaker submodel keeps, every stronger one keeps: seen at the last dropout, before the head."""
    kept = []
    hook = classifier.dropout.register_forward_hook(lambda module, args, output: kept.append((output != 0).clone()))
    try:
        curve_of(classifier, tokenizer, encoded, Submodels((1, 2, 5), seed=1, p=0.3))
    finally:
        hook.remove()
    full, one, two, five = kept
    assert full.all()
    shares = [mask.float().mean().item() for mask in (one, two, five)]
    assert shares == pytest.approx([0.7, 0.7**2, 0.7**5], abs=0.06)
    assert (two <= one).all()
    assert (five <= two).all()


def test_curve_by_hand(classifier, tokenizer, encoded):
    labels = np.array(encoded["labels"])
    options = {"seed": 2, "p": 0.3}
    full, one, three = (predict(classifier, tokenizer, encoded, power=power, **options) for power in (0, 1, 3))
    curve = curve_of(classifier, tokenizer, encoded, Submodels((0, 1, 3), **options))
    assert [point.value for point in curve] == [0, 1, 3]
    for point, found in zip(curve, (full, one, three), strict=True):
        assert point.loss == pytest.approx(found.losses.mean(), abs=1e-6)
        assert point.scores == score(("accuracy",), found.values, labels)
    beaten_by_one = [a < b for a, b in zip(one.losses, full.losses, strict=True)]
    beaten_by_any = [min(a, c) < b for a, b, c in zip(one.losses, full.losses, three.losses, strict=True)]
    assert 0 < sum(beaten_by_one) < sum(beaten_by_any) < 30
    expected = [0.0, 100 * sum(beaten_by_one) / 30, 100 * sum(beaten_by_any) / 30]
    assert [point.violation_rate for point in curve] == pytest.approx(expected)


@pytest.mark.parametrize("batch_size", [0, -1])
def test_batch_size_out_of_range(classifier, tokenizer, encoded, batch_size):
    with pytest.raises(UserError, match=f"--batch_size must be >= 1, got {batch_size}"):
        predict(classifier, tokenizer, encoded, batch_size=batch_size)
