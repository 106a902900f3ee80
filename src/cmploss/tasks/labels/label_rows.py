"""Texts with several labels, from tables."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cmploss.errors import UserError
from cmploss.tasks.data_config import DataConfig
from cmploss.tasks.data_tables import Table, listed, shown
from cmploss.tasks.text.columns import own_columns, require, text_columns
from cmploss.tasks.text.labelled_texts import checked_texts

SEPARATOR = "|"


@dataclass(frozen=True)
class LabelledText:
    """A text or a pair of texts, and its labels, of which there may be none."""

    texts: tuple[str, ...]
    labels: tuple[str, ...] = ()

    @property
    def shown(self) -> tuple[str, str]:
        return self.texts[0], self.texts[1] if len(self.texts) > 1 else ""


def read_labels(
    table: Table, config: DataConfig, known: Sequence[str] | None, labelled: bool = True
) -> tuple[LabelledText, ...]:
    """The texts of a table with their labels: a list, or text such as ``a|b``, which is empty for none.

    Args:
        table: The rows.
        config: The columns, if they have no common name.
        known: The labels that exist; None for those of the table.
        labelled: Whether labels are read.
    """
    if not labelled:
        names = text_columns(table, config.text_column)
        require(table, names)
        return tuple(LabelledText(texts) for texts in zip(*(checked_texts(table, each) for each in names), strict=True))
    columns = own_columns(table, config.text_column, config.label_column)
    require(table, columns.names)
    labels = [_labels(table, row, columns.label, known) for row in range(len(table.numbers))]
    texts = zip(*(checked_texts(table, each) for each in columns.texts), strict=True)
    return tuple(map(LabelledText, texts, labels))


def label_names(examples: Sequence[LabelledText], source: str) -> tuple[str, ...]:
    names = sorted({label for example in examples for label in example.labels})
    if len(names) < 2:
        raise UserError(f"{source}: has {len(names)} different labels; give examples of at least two")
    return tuple(names)


def note_on_single(examples: Sequence[LabelledText], data: str) -> Sequence[str]:
    """A note if no example has two labels, as where they are joined by another sign."""
    if any(len(example.labels) > 1 for example in examples):
        return ()
    return (f"no example of {data} has more than one label; several are joined by {SEPARATOR}, or in a list.",)


def _labels(table: Table, row: int, column: str, known: Sequence[str] | None) -> tuple[str, ...]:
    value = table.columns[column][row]
    if isinstance(value, str):
        if _is_list(value):
            message = f"{shown(value)} is a list as text; write labels joined by {SEPARATOR}, or give JSON lines"
            raise table.fault(row, column, message)
        value = value.split(SEPARATOR) if value.strip() else []
    if not isinstance(value, list | tuple):
        message = f"{shown(value)} is not a list of labels; write a list, or labels joined by {SEPARATOR}"
        raise table.fault(row, column, message)
    for place, label in enumerate(value):
        message = _fault(label, value[:place], known)
        if message:
            raise table.fault(row, column, message)
    return tuple(map(str, value))


def _is_list(text: str) -> bool:
    """Whether a text is a list in Python or JSON, as pandas writes one."""
    try:
        return text.lstrip().startswith("[") and isinstance(ast.literal_eval(text.strip()), list)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return False


def _fault(label: Any, earlier: Sequence[Any], known: Sequence[str] | None) -> str:
    if isinstance(label, bool) or not isinstance(label, str | int):
        return f"the label {shown(label)} is neither a string nor an integer"
    name = str(label)
    if not name or name != name.strip() or SEPARATOR in name:
        return f"the label {shown(name)} is empty, or has {SEPARATOR} or white space around it; remove that"
    if label in earlier:
        return f"the label {shown(name)} is there twice; give it once"
    if known is not None and name not in known:
        return f"the label {shown(name)} is unknown; known labels: {listed(known)}"
    return ""
