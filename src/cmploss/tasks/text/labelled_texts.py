"""Tables to examples: every text and label is checked, none is coerced."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cmploss.errors import UserError
from cmploss.tasks.catalog import Columns
from cmploss.tasks.data_tables import Table, listed, shown
from cmploss.tasks.text.columns import require

if TYPE_CHECKING:
    from datasets import Dataset

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
DIGITS = 400  # of a label that is read as a number; longer ones are texts
TEXT_FIELDS = ("text", "text_pair")
GROUP = "group"


def class_names(table: Table, columns: Columns) -> tuple[str, ...]:
    """Label names of a training split: as declared by its source, else sorted, integers numerically."""
    first_rows: dict[str, int] = {}
    for row, label in enumerate(_class_labels(table, columns)):
        first_rows.setdefault(label, row)
    if columns.label in table.classes:
        return table.classes[columns.label]
    if not all(NUMBER.fullmatch(label) and len(label) <= DIGITS for label in first_rows):
        return tuple(sorted(first_rows))
    for label, row in first_rows.items():
        if not INTEGER.fullmatch(label):
            raise _fractional(table, columns, row)
    return tuple(sorted(first_rows, key=int))


def classified(table: Table, columns: Columns, known: Mapping[str, int]) -> Dataset:
    ids = []
    for row, label in enumerate(_class_labels(table, columns)):
        if label not in known:
            message = f"the label {shown(label)} is unknown; known labels: {listed(list(known))}"
            raise table.fault(row, columns.label, message)
        ids.append(known[label])
    return _dataset(table, columns, ids, "int64")


def graded(table: Table, columns: Columns) -> Dataset:
    numbers = []
    for row, value in enumerate(_labels(table, columns)):
        is_number = isinstance(value, int | float) or (isinstance(value, str) and NUMBER.fullmatch(value))
        try:
            number = float(value) if is_number and not isinstance(value, bool) else math.nan
        except OverflowError:  # of a whole number with more than 308 digits
            number = math.inf
        if not math.isfinite(number):
            raise table.fault(row, columns.label, f"the label {shown(value)} is not a finite number; write it as 3.5")
        numbers.append(number)
    return _dataset(table, columns, numbers, "float64")


def unlabelled(table: Table, texts: Sequence[str]) -> Dataset:
    values = {field: checked_texts(table, column) for field, column in zip(TEXT_FIELDS, texts, strict=False)}
    from datasets import Dataset, Features, Value

    return Dataset.from_dict(values, features=Features({field: Value("string") for field in values}))


def _dataset(table: Table, columns: Columns, labels: list[Any], dtype: str) -> Dataset:
    from datasets import Value

    found = unlabelled(table, columns.texts).add_column("label", labels, feature=Value(dtype))
    if columns.group is None:
        return found
    return found.add_column(GROUP, list(map(str, present(table, columns.group, "group is missing"))))


def present(table: Table, column: str, fault: str) -> list[Any]:
    for row, value in enumerate(table.columns[column]):
        if value is None or value != value or (isinstance(value, str) and not value.strip()):
            raise table.fault(row, column, f"the {fault}; give one or remove the example")
    return table.columns[column]


def checked_texts(table: Table, column: str) -> list[str]:
    for row, value in enumerate(present(table, column, "text is empty")):
        if not isinstance(value, str):
            raise table.fault(row, column, f"{shown(value)} is not text; name another column or write strings")
    return table.columns[column]


def _class_labels(table: Table, columns: Columns) -> list[str]:
    labels = []
    for row, value in enumerate(_labels(table, columns)):
        if isinstance(value, float):
            raise _fractional(table, columns, row)
        if not isinstance(value, str | int):
            raise table.fault(row, columns.label, f"the label {shown(value)} is neither a string nor an integer")
        label = str(value)
        if label != label.strip():
            raise table.fault(row, columns.label, f"the label {shown(label)} has white space around it; remove it")
        labels.append(label)
    return labels


def _labels(table: Table, columns: Columns) -> list[Any]:
    require(table, columns.names)
    return present(table, columns.label, "label is missing")


def _fractional(table: Table, columns: Columns, row: int) -> UserError:
    value = shown(table.columns[columns.label][row])
    remedy = "write classes as strings or integers, or set --task regression to predict numbers"
    return table.fault(row, columns.label, f"the label {value} looks like a number on a scale; {remedy}")
