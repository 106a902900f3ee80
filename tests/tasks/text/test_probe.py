"""Linear models on frozen features: their formula, their strength, and what they leave out."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, log_softmax

from cmploss.tasks.text import probe
from cmploss.tasks.text.probe import ABSENT, STRENGTHS, fit_linear, tfidf_model


def clusters(size, classes, spread=0.5, seed=0):
    """Points around the corners of a simplex, and which corner."""
    random = np.random.RandomState(seed)
    labels = np.arange(size) % classes
    return np.eye(classes)[labels] + spread * random.normal(size=(size, classes)), labels


def minimum(features, labels, classes, strength):
    """Minimise Σ cross-entropy + ‖W‖²/(2C) by a general optimiser."""

    def loss(flat):
        weight, bias = flat[:-classes].reshape(classes, -1), flat[-classes:]
        logits = log_softmax(features @ weight.T + bias, axis=1)
        return -logits[np.arange(len(labels)), labels].sum() + (weight**2).sum() / (2 * strength)

    found = minimize(loss, np.zeros(classes * features.shape[1] + classes), options={"gtol": 1e-7}).x
    return found[:-classes].reshape(classes, -1), found[-classes:]


def test_three_classes_minimise_the_penalised_cross_entropy(monkeypatch):
    monkeypatch.setattr(probe, "STRENGTHS", (10.0,))
    features, labels = clusters(60, 3)
    model = fit_linear(features, labels, 3)
    weight, _ = minimum(features, labels, 3, 10.0)
    np.testing.assert_allclose(model.weight, weight, atol=1e-2)
    np.testing.assert_array_equal(model.values(features), (features @ model.weight.T + model.bias).argmax(1))


def test_two_classes_share_one_logit_evenly():
    features, labels = clusters(60, 2)
    model = fit_linear(features, labels, 2)
    np.testing.assert_allclose(model.weight[0], -model.weight[1])
    np.testing.assert_allclose(model.bias[0], -model.bias[1])
    difference = np.subtract(*model.outputs(features).T[::-1])
    slope = model.strength * ((labels - expit(difference)) @ features)  # where the gradient of Σ CE + ‖w‖²/(2C) is 0
    np.testing.assert_allclose(model.weight[1] * 2, slope, rtol=1e-2)


def test_numbers_are_ridge_regression():
    random = np.random.RandomState(0)
    features = random.normal(size=(40, 3))
    labels = features @ [1.0, -2.0, 0.5] + 4 + 0.1 * random.normal(size=40)
    model = fit_linear(features, labels, 0)
    centred, offset = features - features.mean(0), labels - labels.mean()
    weight = np.linalg.solve(centred.T @ centred + np.eye(3) / model.strength, centred.T @ offset)
    np.testing.assert_allclose(model.weight, weight[None])
    np.testing.assert_allclose(model.bias, [labels.mean() - features.mean(0) @ weight])
    np.testing.assert_allclose(model.values(features), features @ weight + model.bias)


def test_the_strength_follows_the_noise():
    """Pure noise asks for the strongest penalty or a tie, clean clusters for a weaker one."""
    random = np.random.RandomState(1)
    noise = random.normal(size=(60, 30))
    numbers = noise @ random.normal(size=30)
    assert fit_linear(noise, numbers, 0).strength == max(STRENGTHS)
    assert fit_linear(noise, random.normal(size=60), 0).strength == min(STRENGTHS)


def test_of_strengths_within_a_standard_error_the_strongest_penalty_is_taken(monkeypatch):
    errors = {0.01: 30, 0.1: 13, 1.0: 12, 10.0: 10, 100.0: 11}  # of 100; a standard error is √(.1 · .9 / 100) = 3 %

    class Counting:
        def __init__(self, strength):
            self.strength = strength

        def predict(self, rows):
            return np.where(rows[:, 0] < errors[self.strength], -1, rows[:, 1])

    monkeypatch.setattr(probe, "_fitted", lambda features, targets, strength, classes: Counting(strength))
    features = np.stack([np.arange(100), np.arange(100) % 2], axis=1)
    assert probe._chosen(features, features[:, 1], 2) == 0.1
    errors[0.1] = 14
    assert probe._chosen(features, features[:, 1], 2) == 1.0


def test_too_few_examples_to_choose_by_and_a_class_without_any():
    features, labels = clusters(3, 3)
    model = fit_linear(features, labels, 4)
    assert model.strength == probe.DEFAULT_STRENGTH
    assert model.bias[3] == ABSENT
    assert not model.weight[3].any()
    assert set(model.values(features)) <= {0, 1, 2}
    assert np.exp(log_softmax(model.outputs(features), axis=1))[:, 3].max() < 1e-4


def test_a_class_with_one_example_is_fitted_but_does_not_choose():
    features, labels = clusters(41, 2, spread=0.1)
    labels[-1] = 2
    model = fit_linear(features, labels, 3)
    assert model.strength in STRENGTHS
    assert model.weight[2].any()


def test_equal_input_gives_equal_weights_and_input_in_another_order_nearly_so():
    features, labels = clusters(50, 3)
    first, again = fit_linear(features, labels, 3), fit_linear(features, labels, 3)
    np.testing.assert_array_equal(first.weight, again.weight)
    assert first.strength == again.strength


@pytest.mark.parametrize("classes", [2, 0])
def test_words_and_pairs_of_words(classes):
    texts = ["not good", "good not bad", "bad", "not bad good", "bad not", "very bad", "good", "so good"] * 3
    labels = [int("good" in text) for text in texts] if classes else [text.count("good") + 0.5 for text in texts]
    predict = tfidf_model(texts, labels, classes)
    found = predict(["a good one", "bad bad"])
    assert found[0] > found[1]
