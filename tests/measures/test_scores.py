import math

import numpy as np
import pytest

from cmploss.errors import UserError
from cmploss.measures import MEASURES, per_class_scores, score

# Two classes: 3 hits of class 1, 1 hit of class 0, 2 false alarms, 1 miss.
LABELS = np.array([1, 1, 1, 0, 0, 0, 1])
PREDICTIONS = np.array([1, 1, 1, 0, 1, 1, 0])
TP, TN, FP, FN = 3, 1, 2, 1


def test_classification_measures_are_the_textbook_formulas_in_percent():
    scores = score(["accuracy", "f1", "f1_macro", "matthews"], PREDICTIONS, LABELS)
    f1_of_1 = 2 * TP / (2 * TP + FP + FN)
    f1_of_0 = 2 * TN / (2 * TN + FN + FP)
    root = math.sqrt((TP + FP) * (TP + FN) * (TN + FP) * (TN + FN))
    assert scores == pytest.approx(
        {
            "accuracy": 100 * 4 / 7,
            "f1": 100 * f1_of_1,
            "f1_macro": 100 * (f1_of_1 + f1_of_0) / 2,
            "matthews": 100 * (TP * TN - FP * FN) / root,
        }
    )


def test_correlations_are_the_textbook_formulas_in_percent():
    predictions, labels = np.array([1.0, 2.0, 4.0, 9.0]), np.array([0.0, 1.0, 5.0, 3.0])
    x, y = predictions - 4, labels - 2.25
    expected = (x * y).sum() / math.sqrt((x * x).sum() * (y * y).sum())
    # Ranks 1 2 3 4 against 1 2 4 3: rho = 1 − 6 · (1 + 1) / (4 · 15).
    scores = score(["pearson", "spearman"], predictions, labels)
    assert scores == pytest.approx({"pearson": 100 * expected, "spearman": 100 * (1 - 12 / 60)})


def test_scores_keep_the_order_asked_for():
    assert list(score(["f1_macro", "accuracy"], PREDICTIONS, LABELS)) == ["f1_macro", "accuracy"]


@pytest.mark.parametrize("measure", MEASURES)
def test_perfect_predictions_score_100(measure):
    labels = np.array([0, 1, 1, 0])
    assert score([measure], labels, labels)[measure] == pytest.approx(100)


@pytest.mark.parametrize("labels", [[0, 1, 1], [1, 1, 1]])
def test_matthews_of_constant_predictions_is_0_without_a_warning(labels):
    assert score(["matthews"], np.array([1, 1, 1]), np.array(labels)) == {"matthews": 0.0}


def test_f1_of_a_class_that_is_never_predicted_is_0_without_a_warning():
    predictions, labels = np.array([0, 0, 0, 0]), np.array([0, 0, 0, 1])
    assert score(["f1", "f1_macro"], predictions, labels) == pytest.approx(
        {"f1": 0.0, "f1_macro": 100 * (2 * 3 / (2 * 3 + 1) + 0) / 2}
    )


@pytest.mark.parametrize(
    ("predictions", "labels"),
    [
        ([2.0, 2.0, 2.0], [1.0, 2.0, 3.0]),
        ([1.0, 2.0, 3.0], [2.0, 2.0, 2.0]),
        ([math.nan, 2.0, 3.0], [1.0, 2.0, 3.0]),
        ([math.inf, 2.0, 3.0], [1.0, 2.0, 3.0]),
        ([1.0], [2.0]),
    ],
)
def test_undefined_correlations_are_nan_without_a_warning(predictions, labels):
    scores = score(["pearson", "spearman"], np.array(predictions), np.array(labels))
    assert all(math.isnan(value) for value in scores.values())


def test_nearly_constant_predictions_give_no_warning():
    predictions = np.array([1.0, 1.0 + 1e-15, 1.0 + 2e-15])
    assert not math.isnan(score(["spearman", "pearson"], predictions, np.array([1.0, 2.0, 3.0]))["spearman"])


def test_per_class_scores_count_by_hand():
    scores = per_class_scores(PREDICTIONS, LABELS, ["no", "yes", "unseen"])
    assert scores["yes"] == pytest.approx(
        {"precision": 100 * 3 / 5, "recall": 100 * 3 / 4, "f1": 100 * 6 / 9, "support": 4}
    )
    assert scores["no"] == pytest.approx(
        {"precision": 100 * 1 / 2, "recall": 100 * 1 / 3, "f1": 100 * 2 / 5, "support": 3}
    )
    assert scores["unseen"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0.0}


@pytest.mark.parametrize(
    ("measures", "predictions", "labels", "message"),
    [
        (["acuracy"], [0, 1], [0, 1], "'acuracy' is unknown; choose from accuracy, f1"),
        (["accuracy"], [[0.1, 0.9]], [1], "not logits"),
        (["accuracy"], [0, 1, 1], [0, 1], r"\(3,\) and labels \(2,\)"),
        (["accuracy"], [], [], "at least one"),
    ],
)
def test_unusable_input_is_a_user_error(measures, predictions, labels, message):
    with pytest.raises(UserError, match=message):
        score(measures, np.array(predictions), np.array(labels))


def test_a_class_id_without_a_name_is_a_user_error():
    with pytest.raises(UserError, match="class id 2 has no name among the 2"):
        per_class_scores(np.array([0, 2]), np.array([0, 1]), ["no", "yes"])
