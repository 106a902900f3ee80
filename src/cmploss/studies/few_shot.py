"""Few-shot studies: nested training samples of several sizes, and the balanced test set of published work."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from datasets import Dataset

from cmploss.errors import UserError
from cmploss.tasks.qa import QuestionData
from cmploss.tasks.text import TaskData, few_shot
from cmploss.tasks.text.subsample import SEED, is_regression

TEST_SIZE = 500
"""Test examples of Gunel et al. 2021 (arXiv 2011.01403)."""


def parse_sizes(text: str, data: TaskData | QuestionData) -> tuple[int, ...]:
    """Read the sizes of training samples, as in ``20,100,1000``, and check them against the data.

    Args:
        text: Comma-separated whole numbers, each once.
        data: The data that the samples are drawn from.

    Returns:
        The sizes in ascending order.

    Raises:
        UserError: No number, a size twice, fewer examples than classes, or more than there are.
    """
    words = [word.strip() for word in text.split(",")]
    for word in words:
        if not (word.isascii() and word.isdigit()):
            raise UserError(f"--few_shot {text}: {word!r} is no number of examples; write sizes as in 20,100,1000")
    sizes = sorted(map(int, words))
    if len(set(sizes)) < len(sizes):
        raise UserError(f"--few_shot {text} names one size twice; name each size once")
    least, most = max(len(data.label_names), 1), len(data.train)
    for size in sizes:
        if not least <= size <= most:
            classes = f" of {len(data.label_names)} classes" if data.label_names else ""
            raise UserError(
                f"--few_shot {size} is out of range: the training part of {data.name} has {most} examples{classes}; "
                f"choose from {least} to {most}"
            )
    return tuple(sizes)


def nested_samples(train: Dataset, sizes: Sequence[int], seed: int, *, balanced: bool = True) -> dict[int, Dataset]:
    """Samples of one seed, each of which is the beginning of every larger one.

    Args:
        train: Examples with a column ``label``.
        sizes: Numbers of examples, each exact.
        seed: Chooses the samples.
        balanced: Equally many examples of each class, as far as there are; else classes keep their shares.

    Raises:
        UserError: A size below the number of classes or above the number of examples.
    """
    return {size: few_shot(train, size, seed, balanced=balanced) for size in sizes}


def with_balanced_test(data: TaskData, size: int = TEST_SIZE) -> TaskData:
    """The same data with a test part of ``size`` examples, equally many of each class, and a note of it.

    Where the classes do not divide ``size``, some have one example more than others.

    Args:
        data: Classification data with a test part.
        size: Number of examples.

    Raises:
        UserError: Regression, no test part, or classes with too few examples.
    """
    test = data.test
    if test is None:
        raise UserError(f"{data.name} has no test part to balance; give --test_file, or leave the balanced test out")
    if is_regression(test):
        raise UserError(f"{data.name} is regression, which has no classes to balance; leave the balanced test out")
    classes = len(data.label_names)
    counts = np.bincount(test["label"][:], minlength=classes)
    rarest = int(counts.argmin())
    most = classes * int(counts[rarest]) + int((counts > counts[rarest]).sum())  # one more of each class that has it
    if not classes <= size <= most:
        remedy = f"choose from {classes} to {most}" if counts[rarest] else "leave the balanced test out"
        raise UserError(
            f"a balanced test part of {size} examples is not possible: class {data.label_names[rarest]!r} of "
            f"{data.name} has {counts[rarest]} test examples; {remedy}"
        )
    chosen = few_shot(test, size, SEED, balanced=True)
    note = f"{size} of {len(test)} test examples were drawn (equally many of each class, seed {SEED})."
    return replace(data, test=chosen, notes=(*data.notes, note))
