"""Folds test every example once per repeat, keep groups together and classes in their shares, and share no example."""

from collections import Counter
from dataclasses import replace
from itertools import chain, pairwise

import numpy as np
import pytest
from hypothesis import given, strategies as st

from cmploss.errors import UserError
from cmploss.tasks.folds import Folds, dealt
from cmploss.tasks.qa.question_data import QuestionData, fold_of as fold_of_questions
from cmploss.tasks.qa.questions import Question, Segment
from cmploss.tasks.text import task_data
from cmploss.tasks.text.text_data import fold_of


def rows(size, **columns):
    labels = ["red", "red", "blue", "green"]
    found = [{"text": f"text {i}", "label": labels[i % 4]} for i in range(size)]
    return [row | {name: values(i) for name, values in columns.items()} for i, row in enumerate(found)]


def texts(data):
    return {split: examples["text"][:] for split, examples in data.splits.items()}


@pytest.mark.parametrize("text", ["5", " 5x2 "])
def test_folds_are_read(text):
    assert str(Folds.parse(text)) == text.strip()


@pytest.mark.parametrize("text", ["1", "0x2", "5x0", "five", "5x", "5x2x2", "-5", ""])
def test_other_folds_are_refused(text):
    with pytest.raises(UserError, match="--folds must be a number from 2, or folds x repeats as in 5x2"):
        Folds.parse(text)


@given(st.integers(12, 60), st.integers(2, 6), st.integers(1, 3), st.booleans(), st.booleans())
def test_every_row_is_tested_once_per_repeat(size, folds, repeats, stratified, grouped):
    labels = [i % 2 for i in range(size)] if stratified else None
    groups = [str(i // 2) for i in range(size)] if grouped else None
    plan = Folds(folds, repeats)
    tested = [plan[number].rows(size, labels, groups) for number in range(plan.blocks)]
    for repeat in range(repeats):
        of_repeat = tested[repeat * folds : (repeat + 1) * folds]
        assert sorted(np.concatenate([own for _, own in of_repeat])) == list(range(size))
    for others, own in tested:
        assert sorted([*others, *own]) == list(range(size))
        if groups:
            assert not {groups[row] for row in others} & {groups[row] for row in own}


def test_repeats_are_dealt_differently_and_again_the_same():
    first, second = (Folds(5, 2)[number].rows(40)[1].tolist() for number in (0, 5))
    assert first != second
    assert first == Folds(5)[0].rows(40)[1].tolist()


def test_too_few_groups():
    with pytest.raises(UserError, match="5 parts need as many groups, and there are 3"):
        dealt(6, 5, 0, groups=["a", "a", "b", "b", "c", "c"])


def test_splits_of_a_fold_are_disjoint_and_keep_the_shares_of_classes():
    data, plan = task_data(rows(80)), Folds(5, 2)
    tested = Counter()
    for number in range(plan.blocks):
        fold = fold_of(data, plan[number])
        found = texts(fold)
        assert [len(found[split]) for split in ("train", "validation", "test")] == [58, 6, 16]
        assert sorted(chain(*found.values())) == sorted(f"text {i}" for i in range(80))
        assert Counter(fold.test["label"][:]) == {2: 8, 0: 4, 1: 4}
        assert set(fold.validation["label"][:]) == {0, 1, 2}
        assert fold.notes == (
            f"Fold {number} of 10 (repeated 2 times, stratified by label): "
            "58 training + 6 validation + 16 test examples.",
        )
        tested.update(found["test"])
    assert set(tested.values()) == {2}
    assert len({tuple(fold_of(data, plan[n]).fingerprints().values()) for n in range(10)}) == 10


def test_groups_are_in_one_split_of_a_fold_and_not_read_by_the_model():
    data = task_data(rows(80, author=lambda i: f"author {i // 8}"), group_column="author")
    plain = task_data(rows(80))
    for number in range(5):
        authors = [set(examples["group"][:]) for examples in fold_of(data, Folds(5)[number]).splits.values()]
        assert len(set.union(*authors)) == sum(map(len, authors)) == 10
    assert task_data(rows(80), group_column=None).fingerprints() == plain.fingerprints()


def test_groups_are_in_one_split_without_folds_too():
    splits = task_data(rows(80, author=lambda i: f"author {i // 4}"), group_column="author").splits
    assert {split: len(examples) for split, examples in splits.items()} == {"train": 56, "validation": 8, "test": 16}
    authors = [set(examples["group"][:]) for examples in splits.values()]
    assert len(set.union(*authors)) == sum(map(len, authors)) == 20


def test_the_fingerprint_of_a_split_does_not_depend_on_groups():
    grouped = task_data(rows(40, author=lambda i: i), rows(8, author=str), rows(8, author=str), group_column="author")
    assert grouped.fingerprints() == task_data(rows(40), rows(8), rows(8)).fingerprints()


def test_numbers_are_dealt_out_at_random():
    data = task_data([{"text": f"t{i}", "label": float(i)} for i in range(20)], kind="regression")
    tested = [fold_of(data, Folds(4)[number]).test["label"][:] for number in range(4)]
    assert sorted(chain(*tested)) == [float(i) for i in range(20)]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (lambda: task_data(rows(40), rows(8)), "--folds makes its own splits, but data has a validation or test split"),
        (lambda: task_data(rows(40), None, rows(8)), "has a validation or test split"),
        (lambda: task_data(rows(16)), "--folds 5 needs 5 examples of each class; 'blue' has 4"),
        (
            lambda: task_data(rows(80, by=lambda i: "x" if i % 4 == 2 else f"{i}"), group_column="by"),
            r"class 'blue' is in too few groups to train on",
        ),
    ],
)
def test_data_that_cannot_be_folded(data, message):
    made = data()
    with pytest.raises(UserError, match=message):
        [fold_of(made, Folds(5)[number]) for number in range(5)]


@pytest.mark.parametrize(
    ("columns", "group", "message"),
    [
        ({}, "author", "train: has no column 'author'"),
        ({}, "label", "--group_column 'label' is also a text or label column"),
        ({"author": lambda i: "" if i == 2 else "x"}, "author", "train, row 3, column 'author': the group is missing"),
    ],
)
def test_group_columns_that_are_refused(columns, group, message):
    with pytest.raises(UserError, match=message):
        task_data(rows(40, **columns), group_column=group)


def questions(group=None):
    contexts = [Segment(f"context {i}.") for i in range(12)]
    return tuple(
        Question(f"q{i}", f"question {i}?", (contexts[i // 3],), ("context",), group=group and group(i))
        for i in range(36)
    )


@pytest.mark.parametrize(("group", "unit"), [(None, "context"), (lambda i: f"article {i // 6}", "article")])
def test_questions_of_a_context_or_article_stay_together(group, unit):
    whole = questions(group)
    splits = {"train": whole[:20], "validation": whole[20:24], "test": whole[24:]}
    data = QuestionData(name="quiz", layout="context", notes=("split.",), whole=whole, **splits)
    tested = Counter()
    for number in range(6):
        fold = fold_of_questions(data, Folds(3, 2)[number])
        keys = [{each.group or each.segments for each in of} for of in fold.splits.values()]
        assert all(keys)
        assert len(set.union(*keys)) == sum(map(len, keys))
        assert f"random, by {unit}" in fold.notes[0]
        tested.update(question.id for question in fold.test)
    assert set(tested.values()) == {2}
    orders = [[each.id for each in fold_of_questions(data, Folds(3, 2)[number]).test] for number in range(6)]
    assert all(one != other for one, other in pairwise(orders))


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize(("folds", "least"), [(2, 4), (3, 3), (5, 5)])
def test_every_fold_has_something_to_train_on(folds, least, grouped):
    for size in range(1, 7):
        data = task_data(
            [{"text": f"a {i}", "label": float(i), "author": str(i)} for i in range(6)],
            kind="regression", group_column="author" if grouped else None,
        )  # fmt: skip
        data = replace(data, whole=data.undivided().select(range(size)))
        if size < least:
            what = "groups" if grouped else "examples"
            with pytest.raises(UserError, match=f"--folds {folds} needs at least {least} {what}, and there are {size}"):
                fold_of(data, Folds(folds)[0])
        else:
            splits = [fold_of(data, fold).splits for fold in map(Folds(folds).__getitem__, range(folds))]
            assert all(len(split) for of in splits for split in of.values())


@pytest.mark.parametrize("kind", ["classification", "regression"])
def test_a_large_group_is_no_small_split(kind):
    """A group of 90 of 100 rows, and 10 of one row: the parts without the large group are nearer to 20 and 10."""
    labels = [f"{i % 2}" if kind == "classification" else i / 2 for i in range(100)]
    data = [{"text": f"t{i}", "label": label, "by": "x" if i < 90 else f"{i}"} for i, label in enumerate(labels)]
    found = task_data(data, kind=kind, group_column="by")
    assert found.sizes["train"] >= 90
    assert "by group, seed 0" in found.notes[0]


def test_groups_that_cannot_be_split_are_refused():
    with pytest.raises(UserError, match="train: --group_column has 2 groups; 3 splits need 3; give --validation_file"):
        task_data(rows(80, by=lambda i: i % 2), group_column="by")
    data = [{"text": f"t{i}", "label": f"{i // 10}", "by": f"{i // 10}"} for i in range(30)]
    with pytest.raises(UserError, match=r"by --group_column, all training examples have the label '.'; give"):
        task_data(data, group_column="by")
