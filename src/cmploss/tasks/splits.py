"""Training, validation and test splits: making missing splits, and limiting sizes.

Functions also return notes, one sentence for each change.
"""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Generic, Literal, TypeVar

from cmploss.errors import UserError
from cmploss.experiment import condition

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
SELECTION_SPLIT: Split = condition.SELECTION_SPLIT
SHARES: Mapping[Split, float] = {"validation": 0.1, "test": 0.2}
"""Shares of the examples of one file; those of questions are others."""
TITLES: Mapping[Split, str] = {"train": "training", "validation": "validation", "test": "test"}
SEED = 0

Example = TypeVar("Example")
Examples = TypeVar("Examples", bound=Sized)


@dataclass(frozen=True, kw_only=True)
class WithSplits(ABC, Generic[Examples]):
    """Checked examples in splits."""

    name: str  # the task, or the stem of the training file
    train: Examples
    validation: Examples | None  # for model selection
    test: Examples | None  # for the final score; None if scores on the validation split are reported
    notes: tuple[str, ...]  # one sentence for each split, sample, removal or overlap
    whole: Examples | None = None  # all examples, if they were given in one split

    @property
    def splits(self) -> dict[Split, Examples]:
        """The splits that exist."""
        found = {"train": self.train, "validation": self.validation, "test": self.test}
        return {split: examples for split in SPLITS if (examples := found[split]) is not None}

    @property
    def sizes(self) -> dict[Split, int]:
        """Split → number of examples."""
        return {split: len(examples) for split, examples in self.splits.items()}

    @property
    def eval_split(self) -> Split:
        return eval_split_of(self.splits)

    def undivided(self) -> Examples:
        """All examples, to be divided into folds.

        Raises:
            UserError: If a validation or test split was given.
        """
        if self.whole is None:
            raise UserError(
                f"--folds makes its own splits, but {self.name} has a validation or test split; give one file with all "
                "examples as --train_file, or leave --folds out"
            )
        return self.whole

    def fingerprints(self) -> Mapping[Split, str]:
        """Split → first 16 hexadecimal digits of the SHA-256 of its examples in order; equal on every machine."""
        return self._fingerprints

    @cached_property
    def _fingerprints(self) -> Mapping[Split, str]:
        return {split: _sha256(self._rows(examples)) for split, examples in self.splits.items()}

    @abstractmethod
    def _rows(self, examples: Examples) -> Iterable[object]:
        """The examples in JSON types."""


def eval_split_of(splits: Iterable[Split]) -> Split:
    """The split whose scores are reported: test, else validation, whose scores are optimistic."""
    return "test" if "test" in splits else "validation"


def split_missing(
    splits: Mapping[Split, Examples],
    choose: Callable[[Examples, Sequence[Split]], Mapping[Split, Examples]],
    source: str,
    manner: str,
) -> tuple[dict[Split, Examples], list[str]]:
    """Split off a validation split if there is none, and a test split if there is only a training split."""
    if "validation" in splits:
        return dict(splits), []
    missing: list[Split] = ["validation"] if "test" in splits else ["validation", "test"]
    found = {**splits, **choose(splits["train"], missing)}
    counts = " + ".join(f"{len(found[split])} {TITLES[split]}" for split in ("train", *missing))
    return found, [f"{source} was split into {counts} {manner}."]


def subsample(
    splits: Mapping[Split, Examples],
    max_train: int | None,
    max_eval: int | None,
    draw: Callable[[Examples, int], Examples],
    manner: str,
) -> tuple[dict[Split, Examples], list[str]]:
    """Draw at most ``max_train`` training examples, and at most ``max_eval`` of each other split."""
    kept = dict(splits)
    notes = []
    for split in (split for split in SPLITS if split in splits):
        size = max_train if split == "train" else max_eval
        if size is not None and size < len(splits[split]):
            kept[split] = draw(splits[split], size)
            notes.append(f"{len(kept[split])} of {len(splits[split])} {TITLES[split]} {manner}.")
    return kept, notes


def sample(number: int, size: int | None, seed: int) -> Sequence[int]:
    """A seeded order of ``range(number)``, or its first ``size``: with one seed, samples of several sizes nest."""
    import numpy as np

    order: list[int] = np.random.RandomState(seed).permutation(number).tolist()  # its stream never changes
    return order[:size]


def few(number: int, size: int, seed: int) -> Sequence[int]:
    """A few-shot sample of ``range(number)``: the first ``size`` of :func:`sample`.

    Raises:
        UserError: If there are not so many, or the size is not positive.
    """
    if not 1 <= size <= number:
        raise UserError(f"a few-shot sample must have from 1 to {number} examples, got {size}")
    return sample(number, size, seed)


def draw(examples: tuple[Example, ...], size: int) -> tuple[Example, ...]:
    """A random sample of that size, in the order of the examples."""
    return tuple(examples[index] for index in sorted(sample(len(examples), size, SEED)))


def notes_on_shared(texts: Mapping[Split, Iterable[Sequence[str]]], unit: str) -> list[str]:
    """Notes on examples that also occur in an earlier split, up to case and white space: scores are optimistic.

    Args:
        texts: Split → the texts of each example.
        unit: What an example is called.

    >>> notes_on_shared({"train": [("A b",), ("c",)], "test": [("a  B",), ("C",), ("d",)]}, "query")
    ['2 queries of the test split also occur in the training split.']
    """
    plural = "queries" if unit == "query" else f"{unit}s"
    folded = {
        split: [tuple(" ".join(text.casefold().split()) for text in each) for each in texts[split]]
        for split in SPLITS
        if split in texts
    }
    notes = []
    for earlier, later in combinations(folded, 2):
        known = set(folded[earlier])
        count = sum(each in known for each in folded[later])
        if count:
            subject, verb = (f"1 {unit}", "occurs") if count == 1 else (f"{count} {plural}", "occur")
            notes.append(f"{subject} of the {TITLES[later]} split also {verb} in the {TITLES[earlier]} split.")
    return notes


def _sha256(rows: Iterable[object]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps(row).encode() + b"\n")
    return digest.hexdigest()[:16]
