import dataclasses
from collections import Counter

import pytest
from datasets import Dataset

from cmploss.errors import UserError
from cmploss.studies.plan import parse_sizes
from cmploss.tasks.text import TaskData, few_shot
from cmploss.tasks.text.text_data import with_balanced_test

LABELS = [0] * 60 + [1] * 30 + [2] * 12


def part_of(labels, name="t"):
    return Dataset.from_dict({"text": [f"{name}{i}" for i in range(len(labels))], "label": labels})


DATA = TaskData(
    name="tickets",
    kind="classification",
    label_names=("billing", "login", "other"),
    measures=("accuracy",),
    train=part_of(LABELS),
    validation=part_of([0, 1, 2]),
    test=part_of(LABELS, "x"),
    notes=("A note.",),
)
SCORES = dataclasses.replace(
    DATA, kind="regression", label_names=(), train=part_of([0.5, 1.5]), test=part_of([0.5, 1.5])
)
RARE = dataclasses.replace(DATA, test=part_of([0] * 6 + [1] * 6 + [2] * 100))
NONE = dataclasses.replace(DATA, test=part_of([1] * 6 + [2] * 100))


def test_sizes_are_read_in_ascending_order():
    assert parse_sizes("100, 20,50,20", DATA) == (20, 50, 100)
    assert parse_sizes("3", DATA) == (3,)
    assert parse_sizes("1,2", SCORES) == (1, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("20,ten", r"--few_shot must be whole numbers >= 1 joined by commas, as in 2,4,6; got '20,ten'$"),
        ("20,", r"got '20,'$"),
        ("-5", r"got '-5'$"),
        ("²", r"got '²'$"),
        (
            "2,20",
            r"--few_shot 2 is out of range: the training split of tickets has 102 examples of 3 classes; .*3 to 102$",
        ),
        ("103", r"--few_shot 103 is out of range"),
    ],
)
def test_sizes_that_cannot_be(text, message):
    with pytest.raises(UserError, match=message) as caught:
        parse_sizes(text, DATA)
    assert "\n" not in str(caught.value)


def test_samples_are_nested_exact_and_balanced():
    found = {size: few_shot(DATA.train, size, 3, balanced=True) for size in (20, 36, 100)}
    assert {size: len(sample) for size, sample in found.items()} == {20: 20, 36: 36, 100: 100}
    assert found[36]["text"][:20] == found[20]["text"][:]
    assert found[100]["text"][:36] == found[36]["text"][:]
    assert Counter(found[36]["label"]) == {0: 12, 1: 12, 2: 12}
    assert Counter(found[100]["label"]) == {0: 58, 1: 30, 2: 12}
    assert few_shot(DATA.train, 20, 4, balanced=True)["text"][:] != found[20]["text"][:]


def test_samples_may_keep_the_shares():
    sample = few_shot(DATA.train, 51, 0)
    assert Counter(sample["label"]) == {0: 30, 1: 15, 2: 6}


@pytest.mark.parametrize(("size", "counts"), [(36, [12, 12, 12]), (20, [6, 7, 7]), (3, [1, 1, 1]), (38, [12, 13, 13])])
def test_the_balanced_test_split(size, counts):
    found = with_balanced_test(DATA, size)
    assert sorted(Counter(found.test["label"]).values()) == counts
    assert len(set(found.test["text"])) == size
    assert found.notes == (
        "A note.",
        f"{size} of 102 test examples were drawn (equally many of each class, seed 0).",
    )
    assert found.train is DATA.train
    assert with_balanced_test(DATA, size).fingerprints() == found.fingerprints()


@pytest.mark.parametrize(
    ("data", "size", "message"),
    [
        (
            DATA,
            39,
            r"of 39 examples is not possible: class 'other' of tickets has 12 test examples; choose from 3 to 38$",
        ),
        (DATA, 2, r"choose from 3 to 38$"),
        # six of each, and one class alone has the two that are left
        (RARE, 20, r"class 'billing' of tickets has 6 test examples; choose from 3 to 19$"),
        (NONE, 20, r"class 'billing' of tickets has 0 test examples; leave --balanced_test out$"),
        (SCORES, 2, r"tickets is regression, without classes"),
        (dataclasses.replace(DATA, test=None), 36, r"tickets has no test split to balance"),
    ],
)
def test_what_cannot_be_balanced(data, size, message):
    with pytest.raises(UserError, match=message):
        with_balanced_test(data, size)
