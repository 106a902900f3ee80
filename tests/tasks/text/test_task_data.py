"""Checks, splits and notes, by the Python route; files take the same one after reading."""

import hashlib
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

from cmploss.errors import UserError
from cmploss.tasks.text import task_data
from cmploss.tasks.text.text_task import TextTask


def rows(*labels, start=0):
    return [{"text": f"text {start + i}", "label": label} for i, label in enumerate(labels)]


def counts(part):
    return dict(Counter(part["label"]))


TRAIN = rows("no", "yes")
THREE_EACH = rows(*["no"] * 3, *["yes"] * 3)


def test_dataframe_dataset_and_list_give_the_same_data():
    routes = [task_data(form, form) for form in (TRAIN, pd.DataFrame(TRAIN), Dataset.from_list(TRAIN))]
    assert [data.fingerprints() for data in routes] == [routes[0].fingerprints()] * 3
    assert routes[0].label_names == ("no", "yes")
    assert routes[0].train[:] == {"text": ["text 0", "text 1"], "label": [0, 1]}
    assert routes[0].measures == ("accuracy", "f1_macro")
    assert routes[0].test is None


def test_one_part_is_split_in_shares_of_70_10_and_20():
    data = task_data(rows(*["a"] * 50, *["b"] * 30, *["c"] * 20))
    assert counts(data.train) == {0: 35, 1: 21, 2: 14}
    assert counts(data.validation) == {0: 5, 1: 3, 2: 2}
    assert counts(data.test) == {0: 10, 1: 6, 2: 4}
    assert len({*data.train["text"], *data.validation["text"], *data.test["text"]}) == 100
    note = "train was split into 70 training + 10 validation + 20 test examples (stratified by label, seed 0)."
    assert data.notes == (note,)


def test_a_missing_validation_part_is_a_tenth_of_training():
    data = task_data(rows(*["a"] * 30, *["b"] * 20), test=rows("b", start=50))
    assert (counts(data.train), counts(data.validation), counts(data.test)) == ({0: 27, 1: 18}, {0: 3, 1: 2}, {1: 1})
    split = "train was split into 45 training + 5 validation examples (stratified by label, seed 0)."
    assert data.notes == (split, "The test split has no example of 'a'.")


def test_rare_classes_have_an_example_in_every_part():
    data = task_data(rows(*["a"] * 300, *["b"] * 3, *["c"] * 3))
    assert [set(part["label"]) for part in (data.train, data.validation, data.test)] == [{0, 1, 2}] * 3
    data = task_data(rows(*["a"] * 300, *["b"] * 2), test=rows("b", start=1000))
    assert [counts(part)[1] for part in (data.train, data.validation)] == [1, 1]


def test_the_smallest_file_that_can_be_split_is_three_examples_of_each_class():
    data = task_data(THREE_EACH)
    assert [counts(part) for part in (data.train, data.validation, data.test)] == [{0: 1, 1: 1}] * 3


def test_given_validation_without_test_is_left_alone():
    data = task_data(THREE_EACH, rows("no", "yes", start=6))
    assert (len(data.train), len(data.validation), data.test, data.notes) == (6, 2, None, ())


def test_regression_keeps_numbers_and_is_split_at_random():
    data = task_data([{"text": f"t{i}", "label": i / 2} for i in range(20)], kind="regression")
    assert (data.label_names, data.measures) == ((), ("pearson", "spearman"))
    assert [len(part) for part in (data.train, data.validation, data.test)] == [14, 2, 4]
    assert sorted([*data.train["label"], *data.validation["label"], *data.test["label"]]) == [i / 2 for i in range(20)]
    assert "(random, seed 0)" in data.notes[0]


def test_regression_reads_numbers_from_text_and_integers():
    data = task_data(rows("1e-1", "-2.", ".5", 3, np.float32(0.5)), rows(1.0), kind="regression")
    assert data.train["label"][:] == [0.1, -2.0, 0.5, 3.0, 0.5]


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["10", "9", "-1"], ("-1", "9", "10")),
        ([10, 9, -1], ("-1", "9", "10")),
        (["10", "9", "x"], ("10", "9", "x")),
        ([True, False, True], ("False", "True")),
        ([np.int64(3), np.int64(20)], ("3", "20")),
        (["1.5", "v2"], ("1.5", "v2")),
    ],
)
def test_label_names_are_sorted_integers_by_value(labels, names):
    data = task_data(rows(*labels), rows(labels[0], start=10))
    assert data.label_names == names
    assert [names[label] for label in data.train["label"]] == [str(label) for label in labels]


def test_class_labels_keep_their_order():
    features = Features({"text": Value("string"), "label": ClassLabel(names=["zebra", "ape", "unused"])})
    train = Dataset.from_dict({"text": ["a", "b"], "label": [0, 1]}, features=features)
    other = Features({"text": Value("string"), "label": ClassLabel(names=["ape", "zebra"])})
    validation = Dataset.from_dict({"text": ["c"], "label": [0]}, features=other)
    data = task_data(train, validation)
    assert data.label_names == ("zebra", "ape", "unused")
    assert (data.train["label"][:], data.validation["label"][:]) == ([0, 1], [1])  # an ape is an ape, whatever its id


@pytest.mark.parametrize("label", [-1, None])
def test_a_class_label_without_class_is_missing(label):
    features = Features({"text": Value("string"), "label": ClassLabel(names=["zebra", "ape"])})
    train = Dataset.from_dict({"text": ["a", "b", "c"], "label": [0, 1, label]}, features=features)
    with pytest.raises(UserError, match=r"^train, row 3, column 'label': the label is missing"):
        task_data(train)


def test_the_format_of_a_dataset_does_not_matter():
    train = Dataset.from_list(rows(1, 0))
    plain, formatted = task_data(train, train), task_data(train.with_format("torch"), train)
    assert plain.fingerprints() == formatted.fingerprints()


def test_pairs_and_named_columns():
    pairs = [{"q": f"q{i}", "a": f"a{i}", "fits": str(i % 2)} for i in range(6)]
    data = task_data(pairs, text_column="q,a", label_column="fits")
    assert data.train.column_names == ["text", "text_pair", "label"]
    assert all(text[1:] == pair[1:] for text, pair in zip(data.train["text"], data.train["text_pair"], strict=True))


def test_shared_texts_are_counted_but_for_case_and_white_space():
    train = [{"text": "Hello  World", "label": "a"}, {"text": "bye", "label": "b"}]
    validation = [{"text": "hello world ", "label": "a"}, {"text": "BYE", "label": "b"}, {"text": "new", "label": "a"}]
    data = task_data(train, validation, [{"text": "new", "label": "a"}, {"text": "newer", "label": "b"}])
    assert data.notes == (
        "2 texts of the validation split also occur in the training split.",
        "1 text of the test split also occurs in the validation split.",
    )


def test_half_a_pair_in_common_is_not_shared():
    train = [{"text": "a", "text_pair": "b", "label": "x"}, {"text": "c", "text_pair": "d", "label": "y"}]
    validation = [{"text": "a", "text_pair": "d", "label": "x"}, {"text": "e", "text_pair": "f", "label": "y"}]
    assert task_data(train, validation).notes == ()


def test_fingerprints_see_texts_label_names_and_order_and_nothing_else():
    base = task_data(TRAIN, TRAIN).fingerprints()
    assert set(base) == {"train", "validation"}
    assert len(base["train"]) == 16
    assert task_data([{**row, "extra": 1} for row in TRAIN], TRAIN).fingerprints() == base
    changed = [TRAIN[::-1], rows("yes", "no"), rows("no", "maybe"), [{**TRAIN[0], "text": "x"}, TRAIN[1]]]
    assert len({base["train"], *(task_data(train, train).fingerprints()["train"] for train in changed)}) == 5


def test_a_fingerprint_is_the_hash_of_json_lines():
    expected = hashlib.sha256(b'["text 0", "no"]\n["text 1", "yes"]\n').hexdigest()[:16]
    assert task_data(TRAIN, TRAIN).fingerprints()["train"] == expected


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ([], "^train: has no rows of data"),
        (DatasetDict(), "^train: is a DatasetDict; give a pandas DataFrame, a datasets.Dataset or a list of dicts"),
        (["text"], "^train: is a list; give"),
        (None, "^train: is a NoneType"),
        (rows("a", None), "^train, row 2, column 'label': the label is missing; give one or remove"),
        (pd.DataFrame(rows("a", None)), "^train, row 2, column 'label': the label is missing"),
        (pd.DataFrame({"text": ["a", "b"], "label": pd.array([1, None], dtype="Int64")}), "row 2, .* is missing"),
        (pd.DataFrame(rows(1, np.nan)), "row 2, column 'label': the label is missing"),
        (rows(1, pd.NA), "row 2, column 'label': the label is missing"),
        ([*TRAIN, {"text": pd.NA, "label": "no"}], "row 3, column 'text': the text is empty"),
        ([*TRAIN, {"text": np.array(["a"]), "label": "no"}], "row 3, column 'text': .'a'. is not text"),
        (rows("a", np.array([1, 2])), r"row 2, column 'label': the label .1, 2. is neither a string nor an integer"),
        (rows("a", "  "), "row 2, column 'label': the label is missing"),
        (rows("a", "a "), "row 2, column 'label': the label 'a ' has white space around it; remove it"),
        (rows("a", ["b"]), "row 2, column 'label': the label ..b.. is neither a string nor an integer"),
        (rows("1", "2.5", "3"), "row 2, column 'label': the label '2.5' looks like a number .* --task regression"),
        (rows("a", 2.0), "row 2, column 'label': the label 2.0 looks like a number"),
        (rows("a", "a"), "^train: every label is 'a'; give examples of at least two classes"),
        ([*TRAIN, {"text": " \n", "label": "no"}], "row 3, column 'text': the text is empty"),
        ([*TRAIN, {"label": "no"}], "row 3, column 'text': the text is empty"),
        ([*TRAIN, {"text": 5, "label": "no"}], "row 3, column 'text': 5 is not text"),
        ([*TRAIN, {"text": "\ud83d", "label": "no"}], "row 3, column 'text': .*half a surrogate pair"),
        (rows("a", "\ud83d"), "row 2, column 'label': .*half a surrogate pair"),
        (rows(*"aaabbbc"), "^train: class 'c' has a single example; 3 splits need 3; add examples"),
        (rows(*"aaabb"), "^train: class 'b' has 2 examples; 3 splits need 3"),
        (pd.DataFrame([["a", "b"]], columns=["text", "text"]), "^train: two columns are called 'text'"),
    ],
)
def test_faults_of_training_data_name_row_and_column(train, message):
    with pytest.raises(UserError, match=message) as error:
        task_data(train)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("label", ["1_000", "3,5", "high", "nan", "inf", "1e999", True, [1], 10**400, np.array([1])])
def test_regression_labels_are_finite_numbers(label):
    with pytest.raises(UserError, match=r"^train, row 2, column 'label': the label .* is not a finite number"):
        task_data(rows("1.0", label), kind="regression")


def test_too_few_numbers_to_split():
    with pytest.raises(UserError, match=r"^train: has 2 examples; 3 splits need 3"):
        task_data(rows(1.0, 2.0), kind="regression")


def test_a_label_unseen_in_training_is_named_with_the_known_ones():
    with pytest.raises(
        UserError, match=r"^test, row 1, column 'label': .*'maybe' is unknown; known labels: 'no', 'yes'$"
    ):
        task_data(TRAIN, TRAIN, rows("maybe"))


def test_a_column_missing_in_another_part_is_named():
    with pytest.raises(UserError, match=r"^validation: has no column 'label'; its columns are 'text'"):
        task_data(TRAIN, [{"text": "a"}])


def test_kinds_are_checked():
    with pytest.raises(UserError, match="kind 'ranking' is unknown; choose from classification, regression"):
        task_data(TRAIN, TRAIN, kind="ranking")


def test_classes_that_the_data_declare_in_another_way_are_settings(encoder):
    """Their order is the order of the rows of the head, and their number is its size."""
    rows = [{"text": "lovely lamp", "label": number % 2} for number in range(20)]

    def settings(*names):
        features = Features({"text": Value("string"), "label": ClassLabel(names=list(names))})
        return TextTask(task_data(Dataset.from_list(rows, features=features)), encoder, 8).settings

    plain = settings("neg", "pos")
    assert "label_names" not in plain
    for names in (("pos", "neg"), ("neg", "pos", "other")):
        assert settings(*names) == plain | {"label_names": list(names)}
