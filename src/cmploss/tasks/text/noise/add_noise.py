"""Noise in training examples, and the noisy examples as a file."""

import csv
import math
import operator
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import numpy as np
from datasets import Dataset
from numpy.typing import ArrayLike, NDArray

from cmploss.atomic import write_text
from cmploss.errors import UserError
from cmploss.experiment.condition import Noise
from cmploss.tasks.base import Translation
from cmploss.tasks.text.labelled_texts import TEXT_FIELDS
from cmploss.tasks.text.noise.text_noise import noisy_text
from cmploss.tasks.text.subsample import example_order, is_regression


def symmetric_flips(classes: int) -> NDArray[np.float64]:
    """Flips to every other class, all equally likely.

    >>> symmetric_flips(3).tolist()
    [[0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]]
    """
    return (1 - np.eye(classes)) / (classes - 1)


def pair_flips(classes: int) -> NDArray[np.float64]:
    """Flips of each class to the next one, and of the last class to the first: the hardest confusion at one rate.

    >>> pair_flips(3).tolist()
    [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]

    References: Han et al. 2018, "Co-teaching" (arXiv 1804.06872), where it is called pair flipping.
    """
    return np.roll(np.eye(classes), 1, axis=1)


def noisy_labels(
    labels: ArrayLike, rate: float, flips: NDArray[np.float64], *, order: NDArray[np.int64], seed: int
) -> NDArray[np.int64]:
    """Labels with an exact share of wrong ones.

    The first ``⌊rate · n + ½⌋`` examples of ``order`` get another label. The wrong label does not depend on the rate,
    so labels that are wrong at one rate are wrong in the same way at every higher rate.

    ``flips[a, b]`` is the probability that a wrong label of class a becomes b; ``order`` is a random order of the
    examples, such as :func:`cmploss.tasks.text.subsample.example_order`, which spreads wrong labels evenly over
    classes.

    Examples:
        >>> noisy_labels([0, 1, 2, 0], 0.5, pair_flips(3), order=np.array([3, 1, 0, 2]), seed=0).tolist()
        [0, 2, 2, 1]
    """
    clean = np.asarray(labels)
    # The array seeds another stream than the plain seed, which draws examples and their order.
    uniform = np.random.RandomState([seed, 1]).random_sample(len(clean))
    wrong = order[: math.floor(rate * len(clean) + 0.5)]
    found = clean.astype(np.int64)
    for row in wrong:
        upto = np.cumsum(flips[clean[row]])
        found[row] = np.searchsorted(upto / upto[-1], uniform[row], side="right")
    return found


FLIPS = {"label": symmetric_flips, "label_class": pair_flips}


def add_noise(
    examples: Dataset,
    noise: Noise,
    *,
    seed: int,
    label_names: Sequence[str] = (),
    translation: Translation | None = None,
) -> Dataset:
    """Examples with noise in their labels or texts, in the same order and number.

    Label noise changes an exact share of the labels, about the same share in every class. Text noise changes a share of
    the words on average. With one seed, what is noisy at one rate is noisy in the same way at every higher rate. Label
    noise needs ``label_names``, back-translation ``translation``.
    """
    if noise.kind in FLIPS:
        if is_regression(examples):
            raise UserError(f"--noise {noise} needs classes; for regression use text noise")
        order = example_order(examples, seed)
        flips = FLIPS[noise.kind](len(label_names))
        labels = noisy_labels(examples["label"][:], noise.level, flips, order=order, seed=seed)
        return _with_column(examples, "label", labels.tolist())
    if noise.kind == "none":
        return examples
    found = examples
    for field in _text_fields(examples):
        texts = examples[field][:]
        if translation is not None and noise.kind == "back_translation":
            noisy = translation.sample(texts, temperature=noise.level, seed=seed)
        else:
            noisy = [noisy_text(text, noise.kind, noise.level, seed=seed) for text in texts]
        found = _with_column(found, field, noisy)
    return found


def noise_note(clean: Dataset, noisy: Dataset, noise: Noise, *, seed: int) -> str:
    changed = [
        f"{sum(map(operator.ne, clean[name][:], noisy[name][:]))} of {len(clean)} {what}"
        for name, what in (*((field, f"values of {field}") for field in _text_fields(clean)), ("label", "labels"))
    ]
    return f"The noise {noise} (seed {seed}) changed {', '.join(changed[:-1])} and {changed[-1]}."


def write_noisy(path: Path, clean: Dataset, noisy: Dataset, *, label_names: Sequence[str] = ()) -> None:
    """Write examples and their noisy versions as CSV: ``text, text_noisy, …, label, label_noisy``."""
    names = [*_text_fields(clean), "label"]
    columns = [
        [label_names[value] for value in version[name][:]] if name == "label" and label_names else version[name][:]
        for name in names
        for version in (clean, noisy)
    ]
    rows = StringIO(newline="")
    writer = csv.writer(rows, lineterminator="\n")
    writer.writerow([column for name in names for column in (name, f"{name}_noisy")])
    writer.writerows(zip(*columns, strict=True))
    try:
        write_text(path, rows.getvalue())
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}") from error


def _text_fields(examples: Dataset) -> list[str]:
    return [field for field in TEXT_FIELDS if field in examples.column_names]


def _with_column(examples: Dataset, name: str, values: Sequence[object]) -> Dataset:
    columns = {column: examples[column][:] for column in examples.column_names}
    return Dataset.from_dict({**columns, name: values}, features=examples.features)
