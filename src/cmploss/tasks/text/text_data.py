"""The data of one task, ready to encode."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property

from datasets import Dataset

from cmploss.errors import UserError
from cmploss.tasks.catalog import Kind, Part
from cmploss.tasks.splits import completed, limited, shared_texts
from cmploss.tasks.text.labelled_texts import class_names, classified, graded
from cmploss.tasks.text.sources import Source


@dataclass(frozen=True)
class TaskData:
    """Checked examples in parts; each part has the columns ``text``, ``text_pair`` (of pairs) and ``label``.

    Attributes:
        name: The task, or the stem of the training file.
        kind: ``classification`` (labels are class ids) or ``regression`` (labels are floats).
        label_names: Name of each class, by id; () for regression.
        measures: Keys of ``cmploss.measures.MEASURES``; the first is the primary one.
        train: The examples to train on.
        validation: The examples to choose a model by.
        test: The examples for the final score; None where selection and report share the validation part.
        notes: One sentence for everything that was split, drawn, dropped or found in two parts.
    """

    name: str
    kind: Kind
    label_names: tuple[str, ...]
    measures: tuple[str, ...]
    train: Dataset
    validation: Dataset | None
    test: Dataset | None
    notes: tuple[str, ...]

    def fingerprints(self) -> dict[str, str]:
        """Part → 16 hexadecimal digits of the SHA-256 of its texts and labels in order, the same on any machine."""
        return dict(self._fingerprints)

    @cached_property
    def _fingerprints(self) -> dict[str, str]:
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        return {part: self._fingerprint(dataset) for part, dataset in parts.items() if dataset is not None}

    def _fingerprint(self, dataset: Dataset) -> str:
        columns = dataset[:]
        labels = columns.pop("label")
        digest = hashlib.sha256()
        for *texts, label in zip(*columns.values(), labels, strict=True):
            name = self.label_names[label] if self.label_names else label
            digest.update(json.dumps([*texts, name]).encode() + b"\n")
        return digest.hexdigest()[:16]


def assembled(source: Source, max_train: int | None = None, max_eval: int | None = None) -> TaskData:
    """Check the tables, split off the parts that are missing, and limit their sizes.

    Raises:
        UserError: A text or label is not usable, there is only one class, or the data are too few to split.
    """
    train = source.tables["train"]
    label_names: tuple[str, ...] = ()
    parts: dict[Part, Dataset]
    if source.kind == "regression":
        parts = {part: graded(table, source.columns[part]) for part, table in source.tables.items()}
    else:
        label_names = source.label_names or class_names(train, source.columns["train"])
        known = {name: i for i, name in enumerate(label_names)}
        if source.label_names:
            known |= {str(i): i for i in range(len(label_names))}
        parts = {part: classified(table, source.columns[part], known) for part, table in source.tables.items()}
        if len(set(parts["train"]["label"][:])) < 2:
            only = label_names[parts["train"]["label"][0]]
            raise UserError(f"{train.source}: every label is {only!r}; give examples of at least two classes")
    filled, split_notes = completed(parts, train.source, label_names)
    kept, limit_notes = limited(filled, max_train, max_eval)
    return TaskData(
        name=source.name,
        kind=source.kind,
        label_names=label_names,
        measures=source.measures,
        train=kept["train"],
        validation=kept.get("validation"),
        test=kept.get("test"),
        notes=(*source.notes, *split_notes, *limit_notes, *shared_texts(kept)),
    )
