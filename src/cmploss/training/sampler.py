"""Batches of similar length in an order that only the seed and the epoch decide."""

import torch
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
