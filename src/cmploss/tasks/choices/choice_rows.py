"""Questions with choices, in columns such as those of SWAG, RACE and COPA."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from cmploss.errors import UserError
from cmploss.tasks.data_config import DataConfig
from cmploss.tasks.data_tables import Table, listed, shown
from cmploss.tasks.text.columns import require
from cmploss.tasks.text.labelled_texts import checked_texts

CONTEXT_NAMES = ("context", "article", "passage", "premise", "sent1", "ctx")
START_NAMES = ("question", "start", "sent2", "startphrase")
LIST_NAMES = ("choices", "options", "endings")
NUMBERED = re.compile(r"(choice|option|ending|sol)_?\d+")
LABEL_NAMES = ("label", "answer")


@dataclass(frozen=True)
class Choices:
    """A context, the start of every choice, the choices, and the number of the right one from 0."""

    context: str
    start: str
    choices: tuple[str, ...]
    label: int = 0

    @property
    def shown(self) -> tuple[str, str]:
        return f"{self.context} {self.start}".strip(), " / ".join(self.choices)


def read_choices(
    table: Table, config: DataConfig, known: Sequence[str] | None, labelled: bool = True
) -> tuple[Choices, ...]:
    """Contexts, questions or starts, and choices: a list, or numbered columns such as ``ending0``.

    Args:
        table: The rows.
        config: The columns of the context and the start, joined by a comma, and of the label.
        known: The letters of the choices; None for those of the table.
        labelled: Whether labels are read: the number of the choice from 0, its letter, or its text.
    """
    texts = config.text_column.split(",") if config.text_column else _found(table, CONTEXT_NAMES, START_NAMES)
    if not 1 <= len(texts) <= 2:
        raise UserError(
            f"{table.source}: no column has a common name for the context or the question among "
            f"{listed(list(table.columns))}; set --text_column, as in article,question"
        )
    label = config.label_column or next(iter(_found(table, LABEL_NAMES)), LABEL_NAMES[0])
    require(table, [*texts, *([label] if labelled else [])])
    contexts, starts = [checked_texts(table, name) for name in texts], [""] * len(table.numbers)
    first, second = contexts if len(contexts) == 2 else (contexts[0], starts)
    options = _choices(table)
    expected = len(options[0][1]) if known is None else len(known)
    rows = []
    for row, (column, choices) in enumerate(options):
        if not 2 <= len(choices) == expected <= len(ascii_uppercase):
            message = f"there are {len(choices)} choices; give {max(expected, 2)} in every row"
            raise table.fault(row, column, message)
        right = _label(table, row, label, choices) if labelled else 0
        rows.append(Choices(first[row], second[row], choices, right))
    return tuple(rows)


def choice_names(examples: Sequence[Choices], source: str) -> tuple[str, ...]:
    """The letters of the choices."""
    return tuple(ascii_uppercase[: len(examples[0].choices)])


def _found(table: Table, *groups: Sequence[str]) -> list[str]:
    """The first column of each group of names that exists."""
    return [name for names in groups for name in [next((each for each in names if each in table.columns), "")] if name]


def _choices(table: Table) -> list[tuple[str, tuple[str, ...]]]:
    """The column to name in messages, and the choices, of each row."""
    listing = _found(table, LIST_NAMES)
    numbered = [name for name in table.columns if NUMBERED.fullmatch(name)]
    if listing:
        of = [table.columns[listing[0]][row] for row in range(len(table.numbers))]
        values = [each.tolist() if hasattr(each, "tolist") else each for each in of]
        column = listing[0]
    elif numbered:
        values = [list(each) for each in zip(*(table.columns[name] for name in numbered), strict=True)]
        column = numbered[0]
    else:
        raise UserError(
            f"{table.source}: has no column of choices among {listed(list(table.columns))}; give lists called choices, "
            "or columns called ending0, ending1, …"
        )
    for row, choices in enumerate(values):
        if not isinstance(choices, list | tuple):
            raise table.fault(row, column, f"{shown(choices)} is not a list of choices; write a list of texts")
        for choice in choices:
            if not isinstance(choice, str) or not choice.strip():
                raise table.fault(row, column, f"the choice {shown(choice)} is not a text; write strings")
    return [(column, tuple(choices)) for choices in values]


def _label(table: Table, row: int, column: str, choices: tuple[str, ...]) -> int:
    value: Any = table.columns[column][row]
    value = value.item() if hasattr(value, "item") else value
    text, letters = str(value), ascii_uppercase[: len(choices)]
    if not isinstance(value, bool) and text.isdecimal() and len(text) < 9 and int(text) < len(choices):
        return int(text)
    if len(text) == 1 and text in letters:
        return letters.index(text)
    if choices.count(text) == 1:
        return choices.index(text)
    last = len(choices) - 1
    message = (
        f"the label {shown(value)} is no choice; write a number from 0 to {last}, a letter, or the text of one choice"
    )
    raise table.fault(row, column, message)
