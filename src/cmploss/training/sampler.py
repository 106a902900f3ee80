"""Batches of similar length, or with partners of every class, in an order that only the seed and the epoch decide."""

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from itertools import islice

import torch
from torch.utils.data import Sampler
from transformers.trainer_pt_utils import LengthGroupedSampler


class EpochLengthGroupedSampler(LengthGroupedSampler):
    """transformers' ``LengthGroupedSampler`` seeded anew for every epoch.

    The parent shuffles with torch's global generator, which objectives also draw from: two objectives with one seed
    would see different batches, and a resumed run other batches than an uninterrupted one.

    Args:
        batch_size: Examples per optimizer step and device.
        lengths: Number of tokens of every example.
        seed: Seed of the order.
    """

    def __init__(self, batch_size: int, *, lengths: list[int], seed: int):
        super().__init__(batch_size, lengths=lengths, generator=torch.Generator())
        self.seed = seed
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of that epoch."""
        self.generator.manual_seed(self.seed + epoch)


class ClassPairSampler(Sampler[int]):
    """Every example once an epoch, so that a batch has at least two examples of each class in it, where possible.

    A class that an example of a contrastive loss finds no partner of in its batch teaches it nothing. Examples are
    shuffled, and each brings a second one of its class with it: a third where one would be left over, or where one
    place is left in a batch. Classes come as often as in the data. Only a class with one example, or the last batch,
    may go without.

    Args:
        batch_size: Examples per batch and device, at least 2.
        classes: The class of every example.
        seed: Seed of the order.

    Raises:
        ValueError: For batches of one example, or labels that are not classes.
    """

    LOOK_AHEAD = 64  # how many examples are tried before a lone one is put up with

    def __init__(self, batch_size: int, *, classes: Sequence[int], seed: int):
        if batch_size < 2:
            raise ValueError(f"pairs of a class do not fit into batches of {batch_size} example; give at least 2")
        if not all(isinstance(label, int) for label in classes):
            raise ValueError("pairs of a class need one class per example; the labels are not integers")
        self.batch_size = batch_size
        self.classes = list(classes)
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of that epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.classes)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed + self.epoch)
        order = torch.randperm(len(self.classes), generator=generator).tolist()
        waiting: dict[int, deque[int]] = {label: deque() for label in dict.fromkeys(self.classes)}
        for index in order:
            waiting[self.classes[index]].append(index)
        turns = deque(self.classes[index] for index in order)  # a class has a turn for every example that waits
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
