from collections import Counter

import pytest
from datasets import Dataset

from cmploss.errors import UserError
from cmploss.tasks.text import few_shot
from cmploss.tasks.text.subsample import drawn, example_order

# 60 of class 0, 30 of class 1, 10 of class 2, mixed.
LABELS = [0] * 60 + [1] * 30 + [2] * 10
MIXED = Dataset.from_dict({"text": [f"t{i}" for i in range(100)], "label": [LABELS[i * 37 % 100] for i in range(100)]})
SCORES = Dataset.from_dict({"text": [f"t{i}" for i in range(50)], "label": [i / 10 for i in range(50)]})


@pytest.mark.parametrize(
    ("size", "counts"),
    [
        (3, {0: 1, 1: 1, 2: 1}),
        (10, {0: 6, 1: 3, 2: 1}),
        (50, {0: 30, 1: 15, 2: 5}),
        (100, {0: 60, 1: 30, 2: 10}),
    ],
)
def test_classes_keep_their_shares(size, counts):
    assert Counter(few_shot(MIXED, size, seed=3)["label"]) == counts


def test_every_size_is_within_one_example_of_the_exact_shares():
    for size in range(10, 101):
        counts = Counter(few_shot(MIXED, size, seed=1)["label"])
        assert all(abs(counts[label] - size * share) <= 1 for label, share in ((0, 0.6), (1, 0.3), (2, 0.1)))


def test_a_rare_class_has_an_example_before_a_frequent_one_has_two():
    skewed = Dataset.from_dict({"text": ["t"] * 1000, "label": [0] * 998 + [1, 2]})
    assert set(few_shot(skewed, 3, seed=0)["label"]) == {0, 1, 2}


@pytest.mark.parametrize(
    ("size", "counts"),
    [
        (3, [1, 1, 1]),
        (20, [6, 7, 7]),
        (30, [10, 10, 10]),
        (50, [20, 20, 10]),  # class 2 has no more
        (80, [40, 30, 10]),
        (100, [60, 30, 10]),
    ],
)
def test_balanced_classes_have_equally_many(size, counts):
    for seed in range(5):
        found = Counter(few_shot(MIXED, size, seed, balanced=True)["label"])
        assert sorted(found.values()) == sorted(counts)
        assert found.total() == size


def test_balanced_samples_are_nested_random_and_differ_in_what_is_one_more():
    samples = [few_shot(MIXED, 40, seed, balanced=True)["text"][:] for seed in range(10)]
    assert samples[0][:20] == few_shot(MIXED, 20, 0, balanced=True)["text"][:]
    assert len({tuple(sample) for sample in samples}) == 10
    fewest = {
        min(Counter(few_shot(MIXED, 20, seed, balanced=True)["label"]).items(), key=lambda i: i[1])[0]
        for seed in range(20)
    }
    assert fewest == {0, 1, 2}


@pytest.mark.parametrize("train", [MIXED, SCORES], ids=["classes", "numbers"])
def test_a_smaller_sample_is_the_beginning_of_a_larger_one(train):
    small, large = few_shot(train, 20, seed=5)["text"][:], few_shot(train, 40, seed=5)["text"][:]
    assert large[:20] == small
    assert len(set(large)) == 40


@pytest.mark.parametrize("train", [MIXED, SCORES], ids=["classes", "numbers"])
def test_the_seed_decides(train):
    texts = [few_shot(train, 20, seed=seed)["text"][:] for seed in (0, 0, 1)]
    assert texts[0] == texts[1]
    assert set(texts[0]) != set(texts[2])


def test_the_order_is_the_same_on_every_machine():
    # numpy.random.RandomState(0).permutation(4) is 2 3 1 0, from numpy's frozen stream.
    assert example_order(SCORES.select(range(4)), 0).tolist() == [2, 3, 1, 0]


@pytest.mark.parametrize(
    ("train", "size", "message"),
    [
        (MIXED, 2, r"must have from 3 \(one of each class\) to 100 examples, got 2"),
        (MIXED, 101, "to 100 examples, got 101"),
        (SCORES, 0, "must have from 1 to 50 examples, got 0"),
    ],
)
def test_impossible_sizes_are_refused(train, size, message):
    with pytest.raises(UserError, match=message):
        few_shot(train, size, seed=0)


def test_drawing_divides_the_examples_and_keeps_their_order():
    taken, others = drawn(MIXED, 30)
    numbers = [[int(text[1:]) for text in each["text"]] for each in (taken, others)]
    assert [len(each) for each in numbers] == [30, 70]
    assert sorted(numbers[0] + numbers[1]) == list(range(100))
    assert numbers == [sorted(part) for part in numbers]
