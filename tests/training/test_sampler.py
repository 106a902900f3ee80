"""Batches with partners of every class: what is promised, what the order depends on, and that the Trainer uses it."""

from collections import Counter

import numpy as np
import pytest
import torch
from datasets import Dataset
from hypothesis import given, strategies as st
from transformers.trainer_pt_utils import BatchRebalanceSampler, LengthGroupedSampler

from cmploss import ObjectiveTrainer, Supervised
from cmploss.training.sampler import (
    ClassPairSampler,
    EpochLengthGroupedSampler,
    EpochRandomSampler,
    class_ids,
    lengths_of,
    seeded,
)
from tests.tiny import model_of
from tests.training.helpers import arguments, examples_of


def batches_of(sampler):
    order = list(sampler)
    return [order[start : start + sampler.batch_size] for start in range(0, len(order), sampler.batch_size)]


def lone(classes, batches):
    """Examples without a partner in their batch."""
    counts = [Counter(classes[index] for index in batch) for batch in batches]
    return sum(count == 1 for batch in counts for count in batch.values())


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=60),
    st.sampled_from([2, 3, 4, 5, 8, 16]),
    st.integers(0, 99),
    st.integers(0, 3),
)
def test_every_example_comes_once_an_epoch(classes, size, seed, epoch):
    sampler = ClassPairSampler(size, classes=classes, seed=seed)
    sampler.set_epoch(epoch)
    assert sorted(sampler) == list(range(len(classes)))
    assert len(sampler) == len(classes)


@given(st.lists(st.integers(1, 8), min_size=1, max_size=6), st.sampled_from([2, 4, 8, 16]), st.integers(0, 99))
def test_with_classes_of_even_size_nobody_is_alone(pairs, size, seed):
    classes = [label for label, count in enumerate(pairs) for _ in range(2 * count)]
    assert lone(classes, batches_of(ClassPairSampler(size, classes=classes, seed=seed))) == 0


@pytest.mark.parametrize(("seed", "size"), [(0, 7), (1, 8), (2, 16), (3, 7), (4, 8)])
def test_with_classes_of_odd_size_hardly_anybody_is_alone(seed, size):
    classes = [label for label, count in enumerate((31, 17, 9, 5, 3, 1)) for _ in range(count)]
    found = lone(classes, batches_of(ClassPairSampler(size, classes=classes, seed=seed)))
    shuffled = torch.randperm(len(classes), generator=torch.Generator().manual_seed(seed)).tolist()
    by_chance = lone(classes, [shuffled[start : start + size] for start in range(0, len(shuffled), size)])
    assert 1 <= found <= 3  # the class with one example, and perhaps the last batch
    assert by_chance > found


def test_classes_come_as_often_as_in_the_data():
    classes = [0] * 150 + [1] * 50
    batches = batches_of(ClassPairSampler(20, classes=classes, seed=0))
    first, second = batches[: len(batches) // 2], batches[len(batches) // 2 :]
    for half in (first, second):
        share = sum(classes[index] for batch in half for index in batch) / 100
        assert 0.1 < share < 0.4


class Batches:
    """The examples of a sampler of batches."""

    def __init__(self, sampler):
        self.sampler, self.set_epoch = sampler, sampler.set_epoch

    def __iter__(self):
        return (example for batch in self.sampler for example in batch)


def orders(make, epochs=(0, 1, 2)):
    """The order of every epoch of neighbouring seeds."""
    for seed in range(3):
        sampler = make(seed)
        for epoch in epochs:
            sampler.set_epoch(epoch)
            torch.rand(3)  # something else draws from the global generator
            before = torch.get_rng_state()
            yield tuple(sampler)
            assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    "make",
    [
        lambda seed: ClassPairSampler(8, classes=[0, 1, 2, 1] * 10, seed=seed),
        lambda seed: EpochLengthGroupedSampler(4, lengths=list(range(40)), seed=seed),
        lambda seed: EpochRandomSampler(40, seed=seed),
        lambda seed: Batches(seeded(BatchRebalanceSampler([3, 1, 2, 5] * 10, 8, 1, 2), None, seed)),
    ],
)
def test_the_order_depends_on_seed_and_epoch_alone_and_seeds_share_none(make):
    """Also without the epochs before, as in a resumed run."""
    found = list(orders(make))
    assert len(set(found)) == 9
    assert found[2::3] == list(orders(make, epochs=[2]))
    assert tuple(make(0)) == found[0]
    assert all(sorted(order) == list(range(40)) for order in found)


@pytest.mark.parametrize(
    ("size", "classes", "message"),
    [
        (1, [0, 0], "class pairs need a batch size >= 2, got 1"),
        (4, [0.5, 1.0], "the labels are not integers"),
        (4, [[0, 1], [1, 1]], "need one class per example"),
    ],
)
def test_refusals(size, classes, message):
    with pytest.raises(ValueError, match=message):
        ClassPairSampler(size, classes=classes, seed=0)


def test_the_trainer_trains_on_pairs_in_a_new_order_every_epoch(tmp_path):
    seen = []

    class Watched(Supervised):
        def __call__(self, model, batch, task_loss=None):
            seen.append(batch)
            return super().__call__(model, batch, task_loss)

    examples = examples_of(size=24)
    for index, example in enumerate(examples):
        example["labels"] = torch.tensor(index % 3)
    trainer = ObjectiveTrainer(
        model=model_of(),
        args=arguments(tmp_path, max_steps=6),
        train_dataset=examples,
        objective=Watched(),
        class_pairs=True,
    )
    trainer.train()
    assert [len(batch["labels"]) for batch in seen] == [8] * 6
    assert all(min(Counter(batch["labels"].tolist()).values()) >= 2 for batch in seen)
    first, second = (torch.cat([batch["input_ids"] for batch in seen[i : i + 3]]) for i in (0, 3))
    assert not torch.equal(first, second)
    assert sorted(first.tolist()) == sorted(second.tolist())


@pytest.mark.parametrize("grouped", [True, False])
def test_evaluation_by_length_reads_the_longest_first_and_scores_the_same(tmp_path, grouped):
    """Four batches of examples, which transformers would not group; without grouping their order stays."""
    lengths = [5, 12, 7, 3, 9, 4, 11, 8] * 4
    examples = [
        {"input_ids": [2 + (place + at) % 20 for at in range(length)], "labels": place % 3}
        for place, length in enumerate(lengths)
    ]
    strategy = "group_by_length" if grouped else "random"
    trainer = ObjectiveTrainer(
        model=model_of().eval(),
        args=arguments(tmp_path, train_sampling_strategy=strategy, per_device_eval_batch_size=8),
        train_dataset=examples,
        eval_dataset=examples,
        data_collator=padded,
        objective=Supervised(),
        compute_metrics=lambda found: {"sum": float((found.predictions.argmax(-1) == found.label_ids).sum())},
    )
    read = [batch["attention_mask"].sum(1).tolist() for batch in trainer.get_eval_dataloader()]
    expected = sorted(lengths, reverse=True) if grouped else lengths
    assert [length for batch in read for length in batch] == expected
    logits = [trainer.model(**{k: v for k, v in padded([each]).items() if k != "labels"}).logits for each in examples]
    right = sum(int(found.argmax() == each["labels"]) for found, each in zip(logits, examples, strict=True))
    assert trainer.evaluate()["eval_sum"] == right


def padded(examples):
    most = max(len(each["input_ids"]) for each in examples)
    rows = [each["input_ids"] + [0] * (most - len(each["input_ids"])) for each in examples]
    ids = torch.tensor(rows)
    return {
        "input_ids": ids,
        "attention_mask": (ids > 0).long(),
        "labels": torch.tensor([e["labels"] for e in examples]),
    }


def test_the_length_of_choices_is_that_of_the_longest():
    rows = [{"input_ids": [[1] * size, [1]]} for size in (3, 9, 5)]
    dataset = Dataset.from_list(rows)
    sampler = LengthGroupedSampler(2, lengths=[2, 2, 2])  # the number of choices
    assert lengths_of(dataset, sampler) == [3, 9, 5]
    for name in ("input_ids", "input_values"):
        assert lengths_of(Dataset.from_dict({name: [[1, 2], [1]]}), sampler) == [2, 2, 2]


@pytest.mark.parametrize("name", ["labels", "label", "label_ids"])
@pytest.mark.parametrize("make", [int, np.int64, torch.tensor])
def test_classes_are_found_in_the_columns_of_the_trainers_collators(name, make):
    rows = [{name: make(number % 2)} for number in range(6)]
    assert class_ids(rows) == [0, 1] * 3
    assert class_ids(Dataset.from_list([{name: number % 2} for number in range(6)]).with_format("numpy")) == [0, 1] * 3
    for wrong in ([{name: 0.5}], [{"other": 1}], [{name: torch.ones(2)}]):
        with pytest.raises(ValueError, match="class pairs need one class per example"):
            class_ids(wrong)
