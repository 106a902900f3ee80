"""Orders of the examples: random, by similar length, or with class pairs. Each depends only on seed and epoch."""

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from operator import index as whole
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import RandomSampler, Sampler
from transformers.trainer_pt_utils import BatchRebalanceSampler, LengthGroupedSampler


def order_seed(seed: int, epoch: int) -> int:
    """Seed of the order of an epoch. With ``seed + epoch``, seeds 0 and 1 would share the orders of most epochs.

    >>> len({order_seed(seed, epoch) for seed in range(100) for epoch in range(100)})
    10000
    """
    return int(np.random.SeedSequence((seed, epoch)).generate_state(1, np.uint64)[0] >> np.uint64(1))


def has_lengths(examples: Any) -> bool:
    """Whether examples can be grouped by length."""
    return hasattr(examples, "lengths") or (isinstance(examples[0], Mapping) and "input_ids" in examples[0])


def lengths_of(dataset: Any, sampler: LengthGroupedSampler) -> list[int]:
    """The tokens of each example; of several inputs, as in multiple choice, those of the longest."""
    first = dataset[0].get("input_ids", ())
    if not len(first) or not isinstance(first[0], list):
        return list(sampler.lengths)
    return [max(map(len, inputs)) for inputs in dataset["input_ids"]]


class EpochLengthGroupedSampler(LengthGroupedSampler):
    """transformers' ``LengthGroupedSampler`` with a new seed for every epoch.

    The parent shuffles with torch's global generator, which objectives also draw from. Two objectives with one seed
    would see different batches, and a resumed run would see other batches than an uninterrupted one.
    """

    def __init__(self, batch_size: int, *, lengths: list[int], seed: int):
        super().__init__(batch_size, lengths=lengths, generator=torch.Generator())
        self.seed = seed
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        self.generator.manual_seed(order_seed(self.seed, epoch))


class EpochRandomSampler(Sampler[int]):
    """Every example once per epoch, in an order that depends only on seed and epoch."""

    def __init__(self, size: int, *, seed: int):
        self.size = size
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(order_seed(self.seed, self.epoch))
        yield from torch.randperm(self.size, generator=generator).tolist()


NO_CLASSES = "class pairs need one class per example, but the labels are not integers"


def class_ids(dataset: Any) -> list[int]:
    """The class of each example, in a column that the Trainer's collators know.

    Raises:
        ValueError: There is no such column, or it has something else.
    """
    first = dataset[0]
    name = next((name for name in ("labels", "label", "label_ids") if name in first), "labels")
    try:
        found = dataset[name] if hasattr(dataset, "column_names") else [each[name] for each in dataset]
        return [whole(cast(Any, each.item() if isinstance(each, Tensor) else each)) for each in found]
    except (KeyError, TypeError, RuntimeError) as error:
        raise ValueError(NO_CLASSES) from error


class ClassPairSampler(EpochRandomSampler):
    """Every example once per epoch; where possible, each class in a batch has at least two examples.

    A contrastive loss ignores examples without a partner of the same class in the batch. Examples are shuffled, and
    each is followed by another of its class, or by two if one would be left over or one place is left in the batch.
    Classes are as frequent as in the data. Only classes with one example and the last batch may lack partners.
    """

    LOOK_AHEAD = 64  # how many examples are tried before one without a partner is accepted

    def __init__(self, batch_size: int, *, classes: Sequence[int], seed: int):
        if batch_size < 2:
            raise ValueError(f"class pairs need a batch size >= 2, got {batch_size}")
        if not all(isinstance(label, int) for label in classes):
            raise ValueError(NO_CLASSES)
        super().__init__(len(classes), seed=seed)
        self.batch_size = batch_size
        self.classes = list(classes)

    def __iter__(self) -> Iterator[int]:
        order = list(super().__iter__())
        waiting: dict[int, deque[int]] = {label: deque() for label in dict.fromkeys(self.classes)}
        for index in order:
            waiting[self.classes[index]].append(index)
        turns = deque(self.classes[index] for index in order)  # one turn of a class per waiting example
        inside: Counter[int] = Counter()  # classes of the batch that is being filled
        while turns:
            if inside.total() == self.batch_size:
                inside.clear()
            room = self.batch_size - inside.total()
            options = (
                (self._lone(label, count, len(waiting[label]), inside), label, count)
                for label in islice(turns, self.LOOK_AHEAD)
                for count in (2, 3, 1)
                if count <= min(room, len(waiting[label]))
            )
            lone, label, count = next(options)
            for option in options:
                if not lone:
                    break
                if option[0] < lone:
                    lone, label, count = option
            inside[label] += count
            for _ in range(count):
                turns.remove(label)
                yield waiting[label].popleft()

    @staticmethod
    def _lone(label: int, count: int, waiting: int, inside: Counter[int]) -> int:
        """How many examples go without a partner if ``count`` of a class are put into the batch."""
        return (count == 1 and not inside[label]) + (waiting - count == 1)


def seeded(sampler: Sampler[int] | None, dataset: Any, seed: int) -> Sampler[int] | None:
    """A sampler of the Trainer, with an order that depends only on seed and epoch."""
    if isinstance(sampler, LengthGroupedSampler):
        return EpochLengthGroupedSampler(sampler.batch_size, lengths=lengths_of(dataset, sampler), seed=seed)
    if isinstance(sampler, BatchRebalanceSampler):  # whose seed is always the same
        sampler.seed = order_seed(seed, 0)
    return EpochRandomSampler(len(dataset), seed=seed) if isinstance(sampler, RandomSampler) else sampler
