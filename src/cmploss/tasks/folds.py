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

VALIDATION_FOLDS = 10  # a tenth of what a fold does not test is its validation split
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Folds:
    """Every example is tested once per repeat, by the fold that did not train on it.

    Attributes:
        folds: Folds of a repeat, ≥ 2.
        repeats: How often the examples are dealt out, each time with another seed.
    """

    folds: int
    repeats: int = 1

    @classmethod
    def parse(cls, text: str) -> "Folds":
        """Read ``5``, or ``5x2`` for two repeats.

        >>> Folds.parse("5x2")
        Folds(folds=5, repeats=2)
        """
        found = re.fullmatch(r"(\d+)(?:x(\d+))?", text.strip())
        if found is None or int(found[1]) < 2 or int(found[2] or 1) < 1:
            raise UserError(f"--folds must be a number from 2, or folds x repeats as in 5x2; got {text!r}")
        return cls(int(found[1]), int(found[2] or 1))

    def __str__(self) -> str:
        return f"{self.folds}x{self.repeats}" if self.repeats > 1 else str(self.folds)

    @property
    def blocks(self) -> int:
        """Folds of all repeats; they are numbered from 0."""
        return self.folds * self.repeats

    def __getitem__(self, number: int) -> "Fold":
        return Fold(number, self)


@dataclass(frozen=True)
class Fold:
    """One fold.

    Attributes:
        number: Its place among the folds of all repeats, from 0.
        plan: All folds.
    """

    number: int
    plan: Folds

    @property
    def facts(self) -> dict[str, int]:
        """What a record says about it."""
        return {"fold": self.number, "folds": self.plan.folds, "repeats": self.plan.repeats}

    def describe(self, manner: str, sizes: Mapping[Split, int]) -> str:
        """How the examples were dealt out, and the sizes of the splits, in a sentence."""
        repeated = f"repeated {self.plan.repeats} times, " if self.plan.repeats > 1 else ""
        counts = " + ".join(f"{size} {TITLES[split]}" for split, size in sizes.items())
        return f"Fold {self.number} of {self.plan.blocks} ({repeated}{manner}): {counts} examples."

    def rows(
        self, size: int, labels: Sequence[Any] | None = None, groups: Sequence[str] | None = None
    ) -> tuple[Rows, Rows]:
        """The rows that the fold does not test, and those that it tests; see :func:`dealt`."""
        repeat, place = divmod(self.number, self.plan.folds)
        return dealt(size, self.plan.folds, repeat, labels, groups)[place]


def dealt(
    size: int, parts: int, seed: int, labels: Sequence[Any] | None = None, groups: Sequence[str] | None = None
) -> list[tuple[Rows, Rows]]:
    """Deal ``size`` rows out to parts of about equal size: for each part all other rows and its own, ascending.

    Args:
        size: Number of rows.
        parts: Number of parts.
        seed: Of the order in which rows, or groups, are dealt out.
        labels: Class of each row; classes keep their shares, as far as groups allow.
        groups: Group of each row; a group is in one part.

    Raises:
        UserError: There are fewer rows, or groups, than parts.
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
