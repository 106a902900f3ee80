"""The data of one text task, ready to encode."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from cmploss.errors import UserError
from cmploss.tasks.catalog import Columns, Kind
from cmploss.tasks.data_tables import Table, listed
from cmploss.tasks.folds import VALIDATION_FOLDS, Fold
from cmploss.tasks.splits import SEED, SHARES, TITLES, Split, WithSplits, notes_on_shared, split_missing, subsample
from cmploss.tasks.text.labelled_texts import GROUP, TEXT_FIELDS, class_names, classified, graded
from cmploss.tasks.text.sources import Source
from cmploss.tasks.text.subsample import drawn, few_shot, held_out, is_regression

if TYPE_CHECKING:
    from datasets import Dataset


@dataclass(frozen=True, kw_only=True)
class TaskData(WithSplits["Dataset"]):
    """Checked examples; each split has the columns ``text``, ``text_pair`` (for pairs) and ``label``.

    Attributes:
        kind: ``classification`` (labels are class ids) or ``regression`` (labels are floats).
        label_names: Name of each class, by id; () for regression.
        declared: These names where the source declares them, if others were read from the examples: as in a
            ``datasets.ClassLabel`` with another order, or with classes that have no example.
        also: More test data by name, scored too.
        measures: Keys of ``cmploss.measures.MEASURES``; the first is the primary one.
    """

    kind: Kind
    label_names: tuple[str, ...]
    measures: tuple[str, ...]
    declared: tuple[str, ...] = ()
    also: Mapping[str, Dataset] = field(default_factory=dict)

    def also_fingerprints(self) -> Mapping[str, str]:
        """Name of more test data → as :meth:`fingerprints`."""
        alone = {name: replace(self, train=examples) for name, examples in self.also.items()}
        return {name: data.fingerprints()["train"] for name, data in alone.items()}

    def _rows(self, examples: Dataset) -> Iterable[list[object]]:
        columns = examples.select_columns([name for name in examples.column_names if name != GROUP])[:]
        labels = columns.pop("label")
        for *texts, label in zip(*columns.values(), labels, strict=True):
            yield [*texts, self.label_names[label] if self.label_names else label]


def assembled(source: Source, max_train: int | None = None, max_eval: int | None = None) -> TaskData:
    """Check the tables, make missing splits, and limit their sizes.

    A test split has 20 % of the examples and a validation split 10 %. Splits are stratified, and each has at least one
    example of every class.
    """
    train = source.tables["train"]
    label_names: tuple[str, ...] = ()
    read: Callable[[Table, Columns], Dataset] = graded
    if source.kind == "classification":
        label_names = source.label_names or class_names(train, source.columns["train"])
        known = {name: i for i, name in enumerate(label_names)}
        if source.label_names:
            known |= {str(i): i for i in range(len(label_names))}
        read = partial(classified, known=known)
    given = {split: read(table, source.columns[split]) for split, table in source.tables.items()}
    also = {name: read(table, source.columns[name]) for name, table in source.also.items()}
    if label_names and len(set(given["train"]["label"][:])) < 2:
        only = label_names[given["train"]["label"][0]]
        raise UserError(f"{train.source}: every label is {only!r}; give examples of at least two classes")

    grouped = GROUP in given["train"].column_names

    used = sorted({label_names[label] for label in given["train"]["label"][:]}) if label_names else []
    is_declared = source.columns["train"].label in train.classes and list(label_names) != used

    def choose(examples: Dataset, missing: Sequence[Split]) -> dict[Split, Dataset]:
        if grouped and (groups := len(set(examples[GROUP][:]))) <= len(missing):
            needed = f"{len(missing) + 1} splits need {len(missing) + 1}; give --validation_file, or another column"
            raise UserError(f"{train.source}: --group_column has {groups} groups; {needed}")
        least = _least_size(examples, len(missing) + 1, train.source, label_names)
        chosen: dict[Split, Dataset] = {}
        rest = examples
        for split in reversed(missing):
            chosen[split], rest = held_out(rest, max(least, round(SHARES[split] * len(examples))), SEED)
        if label_names and len(set(rest["label"][:])) < 2:
            only = label_names[rest["label"][0]]
            raise UserError(
                f"{train.source}: by --group_column, all training examples have the label {only!r}; give "
                "--validation_file and --test_file, or another column"
            )
        return {**chosen, "train": rest}

    manner = f"{'stratified by label' if label_names else 'random'}, seed {SEED}"
    by_group = f"{'stratified by label' if label_names else 'random'}, by group, seed {SEED}" if grouped else manner
    filled, split_notes = split_missing(given, choose, train.source, f"examples ({by_group})")
    kept, limit_notes = subsample(
        filled, max_train, max_eval, lambda examples, size: drawn(examples, size)[0], f"examples were drawn ({manner})"
    )
    return TaskData(
        name=source.name,
        kind=source.kind,
        label_names=label_names,
        measures=source.measures,
        declared=label_names if is_declared else (),
        also={name: most(each, max_eval) for name, each in also.items()},
        train=kept["train"],
        validation=kept.get("validation"),
        test=kept.get("test"),
        notes=(
            *source.notes,
            *split_notes,
            *limit_notes,
            *shared_texts(kept),
            *(note for name, each in also.items() for note in _notes_on_more(kept["train"], name, each, max_eval)),
            *doubtful_classes(kept, label_names),
        ),
        whole=given["train"] if list(given) == ["train"] else None,
    )


def _notes_on_more(train: Dataset, name: str, examples: Dataset, size: int | None) -> list[str]:
    """Notes on more test data: how many are scored, and how many are training examples."""
    scored = most(examples, size)
    drawn_of = f"{len(scored)} of {len(examples)} examples of --also_test {name} were drawn (seed {SEED})."
    notes = [drawn_of] if len(scored) < len(examples) else []
    shared = shared_texts({"train": train, "test": scored})
    return notes + [note.replace("the test split", f"--also_test {name}") for note in shared]


def most(examples: Dataset, size: int | None) -> Dataset:
    """At most ``size`` examples, drawn with seed 0."""
    return examples if size is None or size >= len(examples) else drawn(examples, size)[0]


def fold_of(data: TaskData, fold: Fold) -> TaskData:
    """The data with the splits of one fold: test, a tenth of the rest for validation, and the others for training.

    Raises:
        UserError: If the data were given in several splits, or a class is too rare to be in every split.
    """
    whole = data.undivided()
    labels = whole["label"][:] if data.label_names else None
    least = max(fold.plan.folds, 4)  # per class, so that every split of a fold has the class
    for label, count in Counter(labels or ()).items():
        if count < least:
            name = data.label_names[label]
            raise UserError(f"--folds {fold.plan} needs {least} examples of each class; {name!r} has {count}")
    grouped = GROUP in whole.column_names
    others, tested = fold.rows(len(whole), labels, whole[GROUP][:] if grouped else None)
    rest = whole.select(others)
    size = max(len(data.label_names), round(len(rest) / VALIDATION_FOLDS), 1)
    validation, train = held_out(rest, size, fold.number)
    for label in sorted(set(labels or ()) - set(train["label"][:])):
        raise UserError(f"--folds {fold.plan}: class {data.label_names[label]!r} is in too few groups to train on")
    splits: dict[Split, Dataset] = {"train": train, "validation": validation, "test": whole.select(tested)}
    manner = f"{'stratified by label' if labels else 'random'}{', by group' if grouped else ''}"
    note = fold.describe(manner, {split: len(examples) for split, examples in splits.items()})
    return replace(data, **splits, notes=(note, *shared_texts(splits)))


def doubtful_classes(splits: Mapping[Split, Dataset], label_names: Sequence[str]) -> list[str]:
    """Notes on classes that differ only in case, and on classes without examples in a split."""
    alike: dict[str, list[str]] = {}
    for name in label_names:
        alike.setdefault(name.casefold(), []).append(name)
    notes = [f"The labels {listed(names)} differ only in case." for names in alike.values() if len(names) > 1]
    for split, examples in splits.items():
        present = set(examples["label"][:])
        missing = [name for label, name in enumerate(label_names) if label not in present]
        if missing:
            notes.append(f"The {TITLES[split]} split has no example of {listed(missing)}.")
    return notes


def shared_texts(splits: Mapping[Split, Dataset]) -> list[str]:
    """Notes on the examples whose text also occurs in an earlier split."""
    columns = {split: [of[name][:] for name in TEXT_FIELDS if name in of.column_names] for split, of in splits.items()}
    return notes_on_shared({split: list(zip(*found, strict=True)) for split, found in columns.items()}, "text")


def with_balanced_test(data: TaskData, size: int) -> TaskData:
    """The same data with a test split of ``size`` examples, equally many of each class, and a note.

    If ``size`` is not a multiple of the number of classes, some classes have one more example.
    """
    test = data.test
    if test is None:
        raise UserError(f"{data.name} has no test split to balance; give --test_file, or leave --balanced_test out")
    if is_regression(test):
        raise UserError(f"{data.name} is regression, without classes to balance; leave --balanced_test out")
    classes = len(data.label_names)
    counts = np.bincount(test["label"][:], minlength=classes)
    rarest = int(counts.argmin())
    most = classes * int(counts[rarest]) + int((counts > counts[rarest]).sum())  # one more of each class that has it
    if not classes <= size <= most:
        remedy = f"choose from {classes} to {most}" if counts[rarest] else "leave --balanced_test out"
        raise UserError(
            f"a balanced test split of {size} examples is not possible: class {data.label_names[rarest]!r} of "
            f"{data.name} has {counts[rarest]} test examples; {remedy}"
        )
    chosen = few_shot(test, size, SEED, balanced=True)
    note = f"{size} of {len(test)} test examples were drawn (equally many of each class, seed {SEED})."
    return replace(data, test=chosen, notes=(*data.notes, note))


def _least_size(train: Dataset, splits: int, source: str, label_names: Sequence[str]) -> int:
    """The smallest split that has one example of each class."""
    remedy = f"{splits} splits need {splits}; add examples or give --validation_file"
    if is_regression(train):
        if len(train) < splits:
            raise UserError(f"{source}: has {len(train)} examples; {remedy}")
        return 1
    counts = Counter(train["label"][:])
    label, count = min(counts.items(), key=lambda item: item[1])
    if count < splits:
        number = "a single example" if count == 1 else f"{count} examples"
        raise UserError(f"{source}: class {label_names[label]!r} has {number}; {remedy}")
    return len(counts)
