"""Views of an example with segments: all of them, then fewer and fewer distractors."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch.utils.data import Dataset

from cmploss.ablation.crop import CmpCrop, nested_views, training_counts

View = TypeVar("View")


class SegmentViews(Dataset[list[View]], ABC, Generic[View]):
    """The views of each example: of all segments, then of its crops.

    The order of the segments, the distractors to drop and the ``n_crop`` numbers of distractors depend only on (seed,
    epoch, index), not on the workers.

    Args:
        evidence: Whether each segment of each example is evidence.
        crop: Number of cropped views; ``CmpCrop(0)`` gives only the full view, shuffled in the same way.
        seed: From 0 to 2³² − 1.
    """

    def __init__(self, evidence: Sequence[Sequence[bool]], crop: CmpCrop, *, seed: int):
        self.evidence, self._crop, self._seed = evidence, crop, seed
        epoch: Any = torch.zeros((), dtype=torch.int64)
        self._epoch = epoch.share_memory_()  # persistent workers must see it change

    def __len__(self) -> int:
        return len(self.evidence)

    def __getitem__(self, index: int) -> list[View]:
        evidence = self.evidence[index]
        distractors = list(evidence).count(False)
        draw = np.random.RandomState([self._seed, int(self._epoch), index])  # its stream is the same in every version
        order, ranking = draw.permutation(len(evidence)), draw.permutation(distractors)
        counts = training_counts(distractors, self._crop.n_crop, draw)
        views = nested_views([evidence[number] for number in order], ranking.tolist(), counts)
        return [self.view(index, order[view].tolist()) for view in views]

    def set_epoch(self, epoch: int) -> None:
        """Choose the draws of that epoch."""
        self._epoch.fill_(epoch)

    @abstractmethod
    def view(self, index: int, segments: Sequence[int]) -> View:
        """An example with these of its segments, in this order."""
