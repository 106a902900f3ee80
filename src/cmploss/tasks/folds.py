"""Repeated k-fold cross-validation: which examples a fold tests."""

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmploss.errors import UserError
from cmploss.tasks.splits import TITLES, Split

VALIDATION_FOLDS = 10  # a tenth of the examples outside the test fold is the validation split
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Folds:
    """Every example is in the test split of one fold per repeat.

    Attributes:
        folds: Folds of a repeat, ≥ 2.
        repeats: Number of divisions into folds, each with another seed.
    """

    folds: int
    repeats: int = 1

    @classmethod
    def parse(cls, text: str) -> "Folds":
        """Read ``5``, or ``5x2`` for two repeats.

        >>> Folds.parse("5x2")
        Folds(folds=5, repeats=2)
        """
        found = re.fullmatch(r"(\d{1,9})(?:x(\d{1,9}))?", text.strip())
        if found is None or int(found[1]) < 2 or int(found[2] or 1) < 1:
            raise UserError(f"--folds must be a number from 2, or folds x repeats as in 5x2; got {text!r}")
        return cls(int(found[1]), int(found[2] or 1))

    def __str__(self) -> str:
        return f"{self.folds}x{self.repeats}" if self.repeats > 1 else str(self.folds)

    @property
    def blocks(self) -> int:
        """Number of folds over all repeats; folds are numbered from 0."""
        return self.folds * self.repeats

    def __getitem__(self, number: int) -> "Fold":
        return Fold(number, self)


@dataclass(frozen=True)
class Fold:
    """One fold.

    Attributes:
        number: Number of the fold over all repeats, from 0.
        plan: All folds.
    """

    number: int
    plan: Folds

    @property
    def facts(self) -> dict[str, int]:
        """The entry of a record."""
        return {"fold": self.number, "folds": self.plan.folds, "repeats": self.plan.repeats}

    def describe(self, manner: str, sizes: Mapping[Split, int]) -> str:
        """A sentence with the method of division and the sizes of the splits."""
        repeated = f"repeated {self.plan.repeats} times, " if self.plan.repeats > 1 else ""
        counts = " + ".join(f"{size} {TITLES[split]}" for split, size in sizes.items())
        return f"Fold {self.number} of {self.plan.blocks} ({repeated}{manner}): {counts} examples."

    def rows(
        self, size: int, labels: Sequence[Any] | None = None, groups: Sequence[str] | None = None
    ) -> tuple[Rows, Rows]:
        """The rows outside the fold's test split, and the rows in it; see :func:`dealt`.

        Raises:
            UserError: A fold would leave less than one example or group each for training and validation.
        """
        units, what = (size, "examples") if groups is None else (len(set(groups)), "groups")
        least = 4 if self.plan.folds == 2 else self.plan.folds
        if units < least:
            raise UserError(f"--folds {self.plan} needs at least {least} {what}, and there are {units}; give more")
        repeat, place = divmod(self.number, self.plan.folds)
        return dealt(size, self.plan.folds, repeat, labels, groups)[place]

    def divide(
        self, whole: Sequence[Any], manner: str, groups: Sequence[str] | None = None
    ) -> tuple[dict[Split, Any], str]:
        """The splits of the fold, of examples without classes, and the sentence about them.

        A tenth of the examples, or groups, outside the test split is the validation split.
        """
        others, tested = self.rows(len(whole), groups=groups)
        names = None if groups is None else [groups[row] for row in others]
        units = len(others) if names is None else len(set(names))
        parts = dealt(len(others), min(VALIDATION_FOLDS, max(2, units)), self.number, groups=names)
        rest, chosen = min(parts, key=lambda part: abs(VALIDATION_FOLDS * len(part[1]) - len(others)))
        rows: dict[Split, Rows] = {"train": others[rest], "validation": others[chosen], "test": tested}
        splits: dict[Split, Any] = {split: tuple(whole[row] for row in of) for split, of in rows.items()}
        return splits, self.describe(manner, {split: len(of) for split, of in splits.items()})


def dealt(
    size: int, parts: int, seed: int, labels: Sequence[Any] | None = None, groups: Sequence[str] | None = None
) -> list[tuple[Rows, Rows]]:
    """Divide ``size`` rows into parts of about equal size; for each part the other rows and its rows, ascending.

    Args:
        size: Number of rows.
        parts: Number of parts.
        seed: Seed of the order in which rows or groups are assigned.
        labels: Class of each row; parts are stratified by class as far as groups allow.
        groups: Group of each row; a group stays in one part.

    Raises:
        UserError: If there are fewer rows, or groups, than parts.
    """
    from sklearn import model_selection

    units = size if groups is None else len(set(groups))
    if units < parts:
        what = "groups" if groups is not None else "examples"
        raise UserError(f"{parts} parts need as many {what}, and there are {units}; give more, or fewer --folds")
    if groups is None:
        splitter: Any = model_selection.KFold if labels is None else model_selection.StratifiedKFold
    else:
        splitter = model_selection.GroupKFold if labels is None else model_selection.StratifiedGroupKFold
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        found = list(splitter(parts, shuffle=True, random_state=seed).split(np.zeros(size), labels, groups))
    return [(np.sort(others), np.sort(own)) for others, own in found]
