"""The parts of question answering data: split by group, without questions that two parts share.

Each function returns notes beside its result: one sentence for whatever it did.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from cmploss.errors import UserError
from cmploss.tasks.catalog import PARTS, Part
from cmploss.tasks.qa.questions import Question
from cmploss.tasks.splits import TITLES
from cmploss.tasks.text.subsample import SEED

Questions = tuple[Question, ...]
Parts = Mapping[Part, Questions]
SHARES: Mapping[Part, float] = {"validation": 0.1, "test": 0.25}


def completed(parts: Parts, source: str) -> tuple[Parts, list[str]]:
    """Split off a validation part where there is none, and a test part too where there is only a training part.

    Groups (articles) stay whole. In the order of their names the last quarter is the test part and the tenth before it
    the validation part. Questions without groups are split at random.

    Args:
        parts: At least the training part.
        source: What messages call the training part.

    Raises:
        UserError: There are too few groups, or questions.
    """
    if "validation" in parts:
        return parts, []
    train = parts["train"]
    made: list[Part] = ["validation"] if "test" in parts else ["validation", "test"]
    grouped = all(question.group is not None for question in train)
    unit = "article" if grouped else "question"
    names = sorted({_group(question, grouped) for question in train})
    if len(names) <= len(made):
        raise UserError(
            f"{source}: has {len(names)} {unit}{'s' * (len(names) > 1)}; a split into {len(made) + 1} parts needs "
            f"{len(made) + 1}; add some or give --validation_file and --test_file"
        )
    if not grouped:
        names = [names[index] for index in sample(len(names), None, SEED)]
    ends = {part: max(1, round(SHARES[part] * len(names))) for part in made}
    chosen: dict[str, Part] = dict.fromkeys(names, "train")
    last = len(names)
    for part in reversed(made):
        chosen |= dict.fromkeys(names[last - ends[part] : last], part)
        last -= ends[part]
    found: dict[Part, Questions] = {**parts}
    for part in ("train", *made):
        found[part] = tuple(each for each in train if chosen[_group(each, grouped)] == part)
    counts = " + ".join(f"{len(found[part])} {TITLES[part]}" for part in ("train", *made))
    manner = f"by {unit} in the order of their names" if grouped else f"at random, seed {SEED}"
    return found, [f"{source} was split into {counts} questions ({manner})."]


def without_shared(parts: Parts) -> tuple[Parts, list[str]]:
    """Leave out of each part the questions whose id stands in an earlier one.

    Raises:
        UserError: Nothing would be left.
    """
    kept: dict[Part, Questions] = {}
    notes = []
    known: set[str] = set()
    for part in (each for each in PARTS if each in parts):
        kept[part] = tuple(question for question in parts[part] if question.id not in known)
        dropped = len(parts[part]) - len(kept[part])
        if not kept[part]:
            raise UserError(
                f"{parts[part][0].place}: every question of the {TITLES[part]} part also stands in an earlier part; "
                "give other questions"
            )
        if dropped:
            notes.append(
                f"{dropped} question{'s' * (dropped > 1)} of the {TITLES[part]} part also stood in an earlier part and "
                f"{'were' if dropped > 1 else 'was'} left out."
            )
        known.update(question.id for question in parts[part])
    return kept, notes


def limited(parts: Parts, max_train: int | None, max_eval: int | None) -> tuple[Parts, list[str]]:
    """Draw at most so many questions of the training part, and of each other part."""
    kept: dict[Part, Questions] = {}
    notes = []
    for part, questions in parts.items():
        size = max_train if part == "train" else max_eval
        kept[part] = questions
        if size is not None and size < len(questions):
            kept[part] = tuple(questions[index] for index in sorted(sample(len(questions), size, SEED)))
            notes.append(f"{size} of {len(questions)} {TITLES[part]} questions were drawn (random, seed {SEED}).")
    return kept, notes


def sample(number: int, size: int | None, seed: int) -> Sequence[int]:
    """A seeded order of ``range(number)``, or its first ``size``: with one seed, samples of several sizes nest."""
    order: list[int] = np.random.RandomState(seed).permutation(number).tolist()  # a stream that no version changes
    return order[:size]


def _group(question: Question, grouped: bool) -> str:
    return str(question.group if grouped else question.id)
