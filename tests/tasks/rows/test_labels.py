"""Several labels: reading, the threshold, and scores by hand."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from sklearn import metrics

from cmploss.errors import UserError
from cmploss.tasks.data_config import DataConfig
from cmploss.tasks.data_tables import table_of
from cmploss.tasks.labels.label_kind import LabelKind, best_threshold
from cmploss.tasks.labels.label_rows import LabelledText, read_labels
from cmploss.tasks.rows.load_rows import assembled
from cmploss.tasks.rows.row_kind import Found

CONFIG = DataConfig(task="multi_label")


@pytest.mark.parametrize("none", ["", []])
def test_labels_are_a_list_or_joined_by_a_bar(none):
    rows = [{"text": "one", "labels": ["a", "b"]}, {"text": "two", "labels": "b|c"}, {"text": "three", "labels": none}]
    found = read_labels(table_of(rows, "train"), CONFIG, None)
    assert [example.labels for example in found] == [("a", "b"), ("b", "c"), ()]
    assert [example.shown for example in found] == [("one", ""), ("two", ""), ("three", "")]


def micro_f1(probabilities, truth, threshold):
    guesses = probabilities >= threshold
    return 2 * (guesses * truth).sum() / max(guesses.sum() + truth.sum(), 1)


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.5, 0.8, 0.9]), st.booleans()), min_size=4, max_size=12))
def test_no_threshold_is_better(pairs):
    columns = zip(*pairs[: len(pairs) // 2 * 2], strict=True)
    probabilities, truth = (np.array(each, float).reshape(-1, 2) for each in columns)
    chosen = micro_f1(probabilities, truth, best_threshold(probabilities, truth))
    assert chosen == max(micro_f1(probabilities, truth, each) for each in (0.0, 0.15, 0.3, 0.6, 0.85))


def test_scores_are_those_of_scikit_learn_to_all_digits():
    draw = np.random.default_rng(0)
    truth = draw.random((60, 4)) < [0.5, 0.4, 0.2, 0.05]
    logits = np.where(draw.random((60, 4)) < 0.8, truth, ~truth) * 4.0 - 2
    kind = LabelKind(None, list("abcd"))
    examples = [LabelledText(("x",), tuple(np.array(list("abcd"))[row])) for row in truth]
    scores = kind.scores(Found(list(logits), np.zeros(60), examples), 0.5)
    guesses = logits > 0
    assert scores == {
        "f1_micro": 100 * metrics.f1_score(truth, guesses, average="micro"),
        "f1_macro": 100 * metrics.f1_score(truth, guesses, average="macro"),
        "subset_accuracy": 100 * metrics.accuracy_score(truth, guesses),
    }
    hits, both = (truth & guesses).sum(0), truth.sum(0) + guesses.sum(0)
    assert scores["f1_macro"] == pytest.approx(100 * (2 * hits / both).mean())
    assert scores["f1_micro"] == pytest.approx(200 * hits.sum() / both.sum())
    assert abs(scores["f1_micro"] - scores["f1_macro"]) > 5


def test_scores_and_what_a_record_holds():
    # names a, b; guesses at 0.4: (a), (a, b), (); truth: (a), (b), (). TP 2, FP 1, FN 0: micro F1 4/5.
    kind = LabelKind(None, ["a", "b"])
    examples = [LabelledText(("x",), labels) for labels in (("a",), ("b",), ())]
    logits = [np.array(each) for each in ([2.0, -2.0], [0.0, 3.0], [-1.0, -3.0])]
    found = Found(logits, np.zeros(3), examples)
    # F1 of a 2/3 and of b 1; the first and the third example are right
    assert kind.scores(found, 0.4) == pytest.approx(
        {"f1_micro": 80.0, "f1_macro": 500 / 6, "subset_accuracy": 200 / 3}, abs=1e-12
    )
    assert kind.scores(found, 0.51)["subset_accuracy"] == 100
    lists = kind.lists(found, 0.4)
    assert lists["predictions"] == ["a", "a|b", ""]
    assert lists["score"] == [100.0, pytest.approx(66.667), 100.0]
    assert kind.classes(found, 0.4)["a"] == {
        "precision": 50.0,
        "recall": 100.0,
        "f1": pytest.approx(200 / 3),
        "support": 1,
    }


def test_labels_that_are_not_divided_are_noticed():
    """A list as text, as pandas writes it, is refused; another separator makes labels of whole cells."""
    rows = [{"text": "one", "labels": "['a', 'b']"}]
    with pytest.raises(UserError, match=r"column 'labels': .* is a list as text; write labels joined by \|"):
        read_labels(table_of(rows, "train"), CONFIG, None)
    bracketed = read_labels(table_of([{"text": "one", "labels": "[bug]|[ui]"}], "train"), CONFIG, None)
    assert bracketed[0].labels == ("[bug]", "[ui]")
    for labels, count in (("a,b", 1), ("a|b", 0)):
        rows = [{"text": f"text {number}", "labels": labels if number else "c"} for number in range(20)]
        notes = assembled({"train": table_of(rows, "train")}, "data", CONFIG).notes
        assert sum("no example of the training split has more than one label" in note for note in notes) == count
