"""Splits of question answering data: by group, and without questions that two splits share."""

from collections.abc import Mapping, Sequence

import numpy as np

from cmploss.errors import UserError
from cmploss.tasks.qa.questions import Question
from cmploss.tasks.splits import SEED, SPLITS, TITLES, Split, split_missing

Questions = tuple[Question, ...]
SHARES: Mapping[Split, float] = {"validation": 0.1, "test": 0.25}


def split_by_article(splits: Mapping[Split, Questions], source: str) -> tuple[dict[Split, Questions], list[str]]:
    """Split off a validation split where there is none, and a test split too where there is only a training split.

    Groups (articles) stay whole. In the order of their names the last quarter is the test split and the tenth before it
    the validation split. Questions without groups are split at random.
    """
    grouped = all(question.group is not None for question in splits["train"])
    unit = "article" if grouped else "question"

    def choose(train: Questions, missing: Sequence[Split]) -> dict[Split, Questions]:
        names = sorted({_group(question, grouped) for question in train})
        if len(names) <= len(missing):
            raise UserError(
                f"{source}: has {len(names)} {unit}{'s' * (len(names) > 1)}; {len(missing) + 1} splits need "
                f"{len(missing) + 1}; add some or give --validation_file and --test_file"
            )
        if not grouped:
            names = [names[index] for index in sample(len(names), None, SEED)]
        chosen: dict[str, Split] = dict.fromkeys(names, "train")
        last = len(names)
        for split in reversed(missing):
            first = last - max(1, round(SHARES[split] * len(names)))
            chosen |= dict.fromkeys(names[first:last], split)
            last = first
        return {
            split: tuple(each for each in train if chosen[_group(each, grouped)] == split)
            for split in ("train", *missing)
        }

    manner = f"by {unit} in the order of their names" if grouped else f"at random, seed {SEED}"
    return split_missing(splits, choose, source, f"questions ({manner})")


def without_shared(splits: Mapping[Split, Questions]) -> tuple[dict[Split, Questions], list[str]]:
    """Leave out of each split the questions whose id stands in an earlier one; also a note on each split."""
    kept: dict[Split, Questions] = {}
    notes = []
    known: set[str] = set()
    for split in (each for each in SPLITS if each in splits):
        kept[split] = tuple(question for question in splits[split] if question.id not in known)
        dropped = len(splits[split]) - len(kept[split])
        if not kept[split]:
            raise UserError(
                f"{splits[split][0].place}: every question of the {TITLES[split]} split is also in an earlier split; "
                "give other questions"
            )
        if dropped:
            notes.append(
                f"{dropped} question{'s' * (dropped > 1)} of the {TITLES[split]} split "
                f"{'were' if dropped > 1 else 'was'} left out: also in an earlier split."
            )
        known.update(question.id for question in splits[split])
    return kept, notes


def draw_questions(questions: Questions, size: int) -> Questions:
    return tuple(questions[index] for index in sorted(sample(len(questions), size, SEED)))


def sample(number: int, size: int | None, seed: int) -> Sequence[int]:
    """A seeded order of ``range(number)``, or its first ``size``: with one seed, samples of several sizes nest."""
    order: list[int] = np.random.RandomState(seed).permutation(number).tolist()  # a stream that no version changes
    return order[:size]


def _group(question: Question, grouped: bool) -> str:
    return str(question.group if grouped else question.id)
