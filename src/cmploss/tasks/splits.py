"""The training, validation and test parts: filling what is missing, limiting sizes, finding shared texts.

Each function returns notes beside its result: one sentence for whatever it did.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from datasets import Dataset

from cmploss.errors import UserError
from cmploss.tasks.catalog import PARTS, Part
from cmploss.tasks.text.subsample import SEED, drawn, is_regression

Parts = Mapping[Part, Dataset]
TITLES: Mapping[Part, str] = {"train": "training", "validation": "validation", "test": "test"}


def completed(parts: Parts, source: str, label_names: Sequence[str]) -> tuple[Parts, list[str]]:
    """Split off a validation part where there is none, and a test part too where there is only a training part.

    A test part has 20 % of the examples and a validation part 10 %; classes keep their shares, and each class has at
    least one example in every part.

    Args:
        parts: At least the training part.
        source: What messages call the training part.
        label_names: Name of each class, () for regression.

    Raises:
        UserError: There are too few examples, or too few of a class.
    """
    if "validation" in parts:
        return parts, []
    train = parts["train"]
    shares: dict[Part, float] = {"validation": 0.1} if "test" in parts else {"test": 0.2, "validation": 0.1}
    least = _least_size(train, len(shares) + 1, source, label_names)
    sizes = {part: max(least, round(share * len(train))) for part, share in shares.items()}
    made: dict[Part, Dataset] = {**parts}
    for part, size in sizes.items():
        made[part], made["train"] = drawn(made["train"], size)
    counts = " + ".join(f"{len(made[part])} {TITLES[part]}" for part in PARTS if part == "train" or part in sizes)
    return made, [f"{source} was split into {counts} examples ({_manner(train)})."]


def limited(parts: Parts, max_train: int | None, max_eval: int | None) -> tuple[Parts, list[str]]:
    """Draw at most so many examples of the training part, and of each other part."""
    kept: dict[Part, Dataset] = {**parts}
    notes = []
    for part in sorted(parts, key=PARTS.index):
        dataset = parts[part]
        size = max_train if part == "train" else max_eval
        if size is not None and size < len(dataset):
            kept[part], _ = drawn(dataset, size)
            notes.append(f"{size} of {len(dataset)} {TITLES[part]} examples were drawn ({_manner(dataset)}).")
    return kept, notes


def shared_texts(parts: Parts) -> list[str]:
    """Count the examples whose text, but for case and white space, also stands in an earlier part."""
    texts = {part: _folded(parts[part]) for part in PARTS if part in parts}
    notes = []
    for earlier, later in (("train", "validation"), ("train", "test"), ("validation", "test")):
        if earlier in texts and later in texts:
            known = set(texts[earlier])
            count = sum(text in known for text in texts[later])
            if count:
                subject = "1 text" if count == 1 else f"{count} texts"
                verb = "stands" if count == 1 else "stand"
                notes.append(f"{subject} of the {TITLES[later]} part also {verb} in the {TITLES[earlier]} part.")
    return notes


def _least_size(train: Dataset, parts: int, source: str, label_names: Sequence[str]) -> int:
    """The smallest part that has one example of each class."""
    remedy = f"a split into {parts} parts needs {parts}; add examples or give --validation_file"
    if is_regression(train):
        if len(train) < parts:
            raise UserError(f"{source}: has {len(train)} examples; {remedy}")
        return 1
    counts = Counter(train["label"][:])
    label, count = min(counts.items(), key=lambda item: item[1])
    if count < parts:
        number = "a single example" if count == 1 else f"{count} examples"
        raise UserError(f"{source}: class {label_names[label]!r} has {number}; {remedy}")
    return len(counts)


def _manner(dataset: Dataset) -> str:
    return f"random, seed {SEED}" if is_regression(dataset) else f"stratified by label, seed {SEED}"


def _folded(dataset: Dataset) -> list[tuple[str, ...]]:
    columns = [dataset[name][:] for name in dataset.column_names if name != "label"]
    return [tuple(" ".join(text.casefold().split()) for text in texts) for texts in zip(*columns, strict=True)]
