"""The columns of the text and the label."""

from collections.abc import Sequence

from cmploss.errors import UserError
from cmploss.tasks.catalog import Columns
from cmploss.tasks.data_tables import Table, has_half_pair, listed, shown
from cmploss.tasks.text.table_files import SEPARATOR, other_separator

TEXT_NAMES = ("text", "sentence", "utterance", "review", "question", "content", "message", "comment", "tweet")
PAIR_NAMES = (
    ("sentence1", "sentence2"),
    ("premise", "hypothesis"),
    ("question1", "question2"),
    ("text_a", "text_b"),
    ("text", "text_pair"),
)
LABEL_NAMES = ("label", "labels", "intent", "category", "class", "target", "score")


def own_columns(table: Table, text_column: str | None, label_column: str | None) -> Columns:
    """The named columns of a user's table, else the only columns with a common name.

    That named columns exist is checked by ``require``.
    """
    texts = text_columns(table, text_column)
    if label_column is None:
        labels = [name for name in LABEL_NAMES if name in table.columns and name not in texts]
        if len(labels) != 1:
            raise _unclear(table, "label", len(labels))
        label_column = labels[0]
    if label_column in texts:
        raise UserError(f"--label_column {label_column!r} is also a text column; name the column of the label")
    return Columns(texts, label_column)


def text_columns(table: Table, text_column: str | None) -> tuple[str, ...]:
    """The one or two columns of text, as in ``own_columns``."""
    texts = _guessed_texts(table) if text_column is None else tuple(text_column.split(","))
    if len(texts) > 2 or len(set(texts)) < len(texts):
        raise UserError(f"--text_column {text_column!r}: give one column, or two different ones joined by a comma")
    return texts


def first_column(table: Table, names: Sequence[str]) -> str:
    """The first of these columns that exists; "" if there is none."""
    return next((name for name in names if name in table.columns), "")


def published_columns(table: Table, forms: Sequence[Columns]) -> Columns:
    """The first of a task's published formats that fits the table, else the first format."""
    return next((columns for columns in forms if not _missing(table, columns.names)), forms[0])


def require(table: Table, names: Sequence[str]) -> None:
    """Refuse a table that lacks a column, or has text in one that no file can hold; called for each column read."""
    missing = _missing(table, names)
    if missing:
        raise UserError(f"{table.source}: has no column {missing[0]!r}; its columns are {listed(list(table.columns))}")
    for name in names:
        for row, value in enumerate(table.columns[name]):
            if has_half_pair(value):
                message = f"{shown(value)} has half a surrogate pair, which no file can hold; fix or remove it"
                raise table.fault(row, name, message)


def _missing(table: Table, names: Sequence[str]) -> list[str]:
    return [name for name in names if name not in table.columns]


def _guessed_texts(table: Table) -> tuple[str, ...]:
    pairs = [pair for pair in PAIR_NAMES if all(name in table.columns for name in pair)]
    in_pairs = {name for pair in pairs for name in pair}
    singles = [(name,) for name in TEXT_NAMES if name in table.columns and name not in in_pairs]
    candidates = [*pairs, *singles]
    if len(candidates) != 1:
        raise _unclear(table, "text", len(candidates))
    return candidates[0]


def _unclear(table: Table, what: str, found: int) -> UserError:
    many = "several columns may hold" if found else "no column has a common name for"
    names = list(table.columns)
    if len(names) == 1 and other_separator(names[0]):
        return UserError(f"{table.source}: {SEPARATOR} {other_separator(names[0])!r}; write commas, or tabs in .tsv")
    header = table.source.lower().endswith((".csv", ".tsv"))
    remedy = ", or add a header line such as text,label if the first line is data" if header else ""
    return UserError(f"{table.source}: {many} the {what} among {listed(names)}; set --{what}_column{remedy}")
