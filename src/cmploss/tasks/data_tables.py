"""Labelled data before checks: columns of values, and the place of each row for messages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cmploss.errors import UserError


@dataclass(frozen=True)
class Table:
    """Columns of equal length with their source and at least one row; a missing value is None."""

    source: str  # the file, or the name of the Python argument
    columns: Mapping[str, list[Any]]
    numbers: Sequence[int]  # the line of each row, or its number counted from 1
    unit: str = "row"
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # label names by column, where declared

    def __post_init__(self) -> None:
        if not self.numbers:
            raise UserError(f"{self.source}: has no rows of data; give at least one example")

    def fault(self, row: int, column: str, message: str) -> UserError:
        return UserError(f"{self.source}, {self.unit} {self.numbers[row]}, column {shown(column)}: {message}")


def table_of(data: object, source: str) -> Table:
    """Take a pandas DataFrame, a ``datasets.Dataset`` or a list of dicts; ``source`` names it in messages.

    Class ids of a ``ClassLabel`` column, or in lists of one, become their names; −1, the id of a missing label, becomes
    None.
    """
    import pandas as pd
    from datasets import ClassLabel, Dataset

    if isinstance(data, pd.DataFrame):
        names = [str(name) for name in data.columns]
        check_unique(source, names)
        columns = {name: list(map(_plain, data.iloc[:, place].astype(object))) for place, name in enumerate(names)}
        return Table(source, columns, range(1, len(data) + 1))
    if isinstance(data, Dataset):
        columns = data.with_format(None)[:]
        classes = {name: tuple(kind.names) for name, kind in data.features.items() if isinstance(kind, ClassLabel)}
        for name, kind in data.features.items():
            of = getattr(getattr(kind, "feature", None), "names", None)
            if of:  # lists of class ids, such as tags
                columns[name] = [[of[i] if i >= 0 else i for i in ids or ()] for ids in columns[name]]
        for name, labels in classes.items():
            columns[name] = [labels[i] if i is not None and i >= 0 else None for i in columns[name]]
        return Table(source, columns, range(1, len(data) + 1), classes=classes)
    if isinstance(data, list) and all(isinstance(row, dict) for row in data):
        columns = {name: list(map(_plain, values)) for name, values in columns_of(data).items()}
        return Table(source, columns, range(1, len(data) + 1))
    kind = type(data).__name__
    raise UserError(f"{source}: is a {kind}; give a pandas DataFrame, a datasets.Dataset or a list of dicts")


def _plain(value: Any) -> Any:
    """A value of numpy, torch or pandas as one of Python; a missing one as None."""
    if isinstance(value, str):
        return value
    import pandas as pd

    found = value.tolist() if hasattr(value, "tolist") else value
    return None if pd.api.types.is_scalar(found) and pd.isna(found) else found


def columns_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def has_half_pair(value: Any) -> bool:
    """Whether any text in a value has half a surrogate pair, which JSON and Python can write, but no file in UTF-8."""
    rest = [value]
    while rest:
        value = rest.pop()
        if isinstance(value, str):
            try:
                value.encode()
            except UnicodeEncodeError:
                return True
        elif isinstance(value, Mapping):
            rest += [*value, *value.values()]
        elif isinstance(value, list | tuple | set):
            rest += value
        elif hasattr(value, "tolist"):
            rest.append(value.tolist())
    return False


def check_unique(source: str, names: Sequence[str]) -> None:
    twice = [name for i, name in enumerate(names) if name in names[:i]]
    if twice:
        raise UserError(f"{source}: two columns are called {shown(twice[0])}; rename one of them")


def shown(value: object, limit: int = 60) -> str:
    """``repr``, on one line and cut to a readable length."""
    text = repr(value)
    return text if len(text) <= limit else text[:limit] + "…"


def listed(values: Sequence[str], limit: int = 20) -> str:
    """Names for a message, at most ``limit`` of them."""
    more = f" and {len(values) - limit} more" if len(values) > limit else ""
    return ", ".join(shown(value, 40) for value in values[:limit]) + more
