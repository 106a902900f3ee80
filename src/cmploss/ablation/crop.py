"""Crops: submodels that read less of the input. They keep all evidence and drop distractors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from cmploss.choices import CropDropout, check_option
from cmploss.settings import setting

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class CmpCrop:
    """Ablation of input neurons: ``n_crop`` submodels that read all evidence and fewer and fewer distractors.

    Masks cannot nest across crops, because tokens move. Without :class:`cmploss.CmpDrop`, all views, including the full
    one, have the same dropout and the same seed.

    Args:
        n_crop: Number of cropped passes, ≥ 0.
        dropout: Dropout of all views if there is no ``CmpDrop``: ``"own"`` (every site at its own rate) or ``"off"``
            (none, as in the published runs).

    Raises:
        ValueError: For a negative number or an unknown option.

    Examples:
        >>> CmpCrop(2)
        CmpCrop(n_crop=2, dropout='own')

    References:
        Zhu et al. 2024 (arXiv 2301.03765).
    """

    n_crop: int = setting(
        1, option="n_crop", option_default=0, help="Number of cropped passes (CmpCrop); needs data with segments."
    )
    dropout: CropDropout = setting(
        "own", option="crop_dropout", help="Dropout of the passes of CmpCrop without CmpDrop; off as in published runs."
    )

    def __post_init__(self) -> None:
        if self.n_crop < 0:
            raise ValueError(f"n_crop={self.n_crop} must not be negative")
        check_option("dropout", self.dropout, get_args(CropDropout))


def training_counts(distractors: int, n_crop: int, draw: np.random.RandomState) -> list[int]:
    """How many distractors each cropped view keeps: ``n_crop`` distinct numbers from {0 … D−1}, descending.

    With D ≤ ``n_crop`` distractors the numbers are D−1 … 0, and 0 for the remaining views.

    >>> import numpy as np
    >>> training_counts(3, 4, np.random.RandomState(0))
    [2, 1, 0, 0]
    """
    drawn = draw.permutation(distractors)[:n_crop].tolist()
    return sorted(drawn, reverse=True) + [0] * (n_crop - len(drawn))


def nested_views(evidence: Sequence[bool], ranking: Sequence[int], counts: Sequence[int]) -> list[list[int]]:
    """The segments of the full view and of its crops: ``1 + len(counts)`` lists of indices into ``evidence``.

    A crop keeps all evidence and the first ``count`` distractors of the ranking, a permutation of the numbers of the
    distractors. All crops share the ranking, so with descending counts each view contains the next.

    >>> nested_views([False, True, False], ranking=[1, 0], counts=[1, 0])
    [[0, 1, 2], [1, 2], [1]]
    """
    distractors = [number for number, flag in enumerate(evidence) if not flag]
    if sorted(ranking) != list(range(len(distractors))):
        raise ValueError(
            f"ranking={list(ranking)} must be a permutation of the numbers of {len(distractors)} distractors"
        )
    dropped = [{distractors[number] for number in ranking[count:]} for count in (len(distractors), *counts)]
    return [[number for number in range(len(evidence)) if number not in gone] for gone in dropped]
