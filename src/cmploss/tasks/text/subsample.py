"""Seeded stratified samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cmploss.errors import UserError
from cmploss.tasks.folds import dealt
from cmploss.tasks.splits import SEED
from cmploss.tasks.text.labelled_texts import GROUP

if TYPE_CHECKING:
    from datasets import Dataset
    from numpy.typing import NDArray


def few_shot(train: Dataset, size: int, seed: int, *, balanced: bool = False) -> Dataset:
    """A seeded sample of the training examples; with one seed, a smaller sample is the start of a larger one.

    Classes keep their shares, with at least one example each. Without classes (labels are floats) the sample is random.

    Args:
        train: Examples with a column ``label``.
        size: Number of examples, from the number of classes to ``len(train)``.
        seed: Chooses the sample.
        balanced: Equally many examples of each class, as far as the size divides and the classes have so many.

    Raises:
        UserError: If the size is too small or too large.
    """
    classes = set() if is_regression(train) else set(train["label"][:])
    if not max(1, len(classes)) <= size <= len(train):
        needed = f"from {len(classes)} (one of each class)" if classes else "from 1"
        raise UserError(f"a few-shot sample must have {needed} to {len(train)} examples, got {size}")
    return train.select(example_order(train, seed, balanced=balanced)[:size])


def example_order(dataset: Dataset, seed: int, *, balanced: bool = False) -> NDArray[np.int64]:
    """A seeded order of the rows; every first part of it is stratified or balanced.

    It starts with one example of each class; the others follow by Webster's method: the k-th of n examples (k from 0)
    is due at ``(k + ½) / n`` of the way. Balanced, the k-th example of every class is due at a random time of the k-th
    round. Ties, and the examples within a class, are in random order.
    """
    # RandomState, not default_rng: its stream is the same in every version of numpy.
    random = np.random.RandomState(seed)
    order = random.permutation(len(dataset))
    if is_regression(dataset):
        return order
    labels = np.asarray(dataset["label"][:])[order]
    due = np.empty(len(order))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        places = np.arange(len(members))
        due[members] = places + random.random_sample(len(members)) if balanced else (places + 0.5) / len(members)
        due[members[0]] = 0
    return order[np.argsort(due, kind="stable")]


def held_out(dataset: Dataset, size: int, seed: int) -> tuple[Dataset, Dataset]:
    """As :func:`drawn`, but groups stay together: as near to ``size`` examples as the parts of :func:`dealt` are.

    Parts without which a class would be missing from the others are taken only if there are no better ones.
    """
    if GROUP not in dataset.column_names:
        return drawn(dataset, size, seed)
    groups = dataset[GROUP][:]
    parts = min(max(2, round(len(dataset) / size)), len(set(groups)))
    labels = None if is_regression(dataset) else np.asarray(dataset["label"][:])

    def fit(part: tuple[NDArray[np.int64], NDArray[np.int64]]) -> tuple[int, int]:
        rest, chosen = part
        return 0 if labels is None else -len(np.unique(labels[rest])), abs(len(chosen) - size)

    found = dealt(len(dataset), max(2, parts), seed, None if labels is None else labels.tolist(), groups)
    rest, chosen = min(found, key=fit)
    return dataset.select(chosen), dataset.select(rest)


def drawn(dataset: Dataset, size: int, seed: int = SEED) -> tuple[Dataset, Dataset]:
    """Draw ``size`` examples; returns them and the others, both in the order of ``dataset``."""
    order = example_order(dataset, seed)
    return dataset.select(np.sort(order[:size])), dataset.select(np.sort(order[size:]))


def is_regression(dataset: Dataset) -> bool:
    return str(dataset.features["label"].dtype).startswith("float")
