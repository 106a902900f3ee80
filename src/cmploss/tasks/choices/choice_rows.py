"""Questions with choices, in columns such as those of SWAG, RACE and COPA."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from cmploss.errors import UserError
from cmploss.tasks.data_config import DataConfig
from cmploss.tasks.data_tables import Table, listed, shown
from cmploss.tasks.text.columns import first_column, require
from cmploss.tasks.text.labelled_texts import checked_texts

CONTEXT_NAMES = ("context", "article", "passage", "premise", "sent1", "ctx")
START_NAMES = ("question", "start", "sent2", "startphrase")
LIST_NAMES = ("choices", "options", "endings")
NUMBERED = re.compile(r"((?:choice|option|ending|sol)_?)(\d+)")
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
        labelled: Whether labels are read: the number of the choice from 0, its letter, or its text, the same in all
            rows.
    """
    common = [name for names in (CONTEXT_NAMES, START_NAMES) if (name := first_column(table, names))]
    texts = config.text_column.split(",") if config.text_column else common
    if not 1 <= len(texts) <= 2:
        raise UserError(
            f"{table.source}: no column has a common name for the context or the question among "
            f"{listed(list(table.columns))}; set --text_column, as in article,question"
        )
    label = config.label_column or first_column(table, LABEL_NAMES) or LABEL_NAMES[0]
    require(table, [*texts, *([label] if labelled else [])])
    contexts, starts = [checked_texts(table, name) for name in texts], [""] * len(table.numbers)
    first, second = contexts if len(contexts) == 2 else (contexts[0], starts)
    options = _choices(table)
    expected = len(options[0][1]) if known is None else len(known)
    for row, (column, choices) in enumerate(options):
        if not 2 <= len(choices) == expected <= len(ascii_uppercase):
            message = f"there are {len(choices)} choices; give {max(expected, 2)} in every row"
            raise table.fault(row, column, message)
    choices_of = [choices for _, choices in options]
    right = _labels(table, label, choices_of) if labelled else [0] * len(options)
    return tuple(map(Choices, first, second, choices_of, right))


def choice_names(examples: Sequence[Choices], source: str) -> tuple[str, ...]:
    """The letters of the choices."""
    return tuple(ascii_uppercase[: len(examples[0].choices)])


def _choices(table: Table) -> list[tuple[str, tuple[str, ...]]]:
    """The column to name in messages, and the choices, of each row."""
    of_lists = first_column(table, LIST_NAMES)
    columns = [of_lists] if of_lists else _numbered(table)
    if not columns:
        raise UserError(
            f"{table.source}: has no column of choices among {listed(list(table.columns))}; give lists called choices, "
            "or columns called ending0, ending1, …"
        )
    require(table, columns)
    column = columns[0]
    values = table.columns[column]
    if column not in LIST_NAMES:
        values = [list(each) for each in zip(*(table.columns[name] for name in columns), strict=True)]
    for row, choices in enumerate(values):
        if not isinstance(choices, list | tuple):
            raise table.fault(row, column, f"{shown(choices)} is not a list of choices; write a list of texts")
        for choice in choices:
            if not isinstance(choice, str) or not choice.strip():
                raise table.fault(row, column, f"the choice {shown(choice)} is not a text; write strings")
    return [(column, tuple(choices)) for choices in values]


def _numbered(table: Table) -> list[str]:
    """The numbered columns of choices in the order of their numbers."""
    found = [match for name in table.columns if (match := NUMBERED.fullmatch(name))]
    found.sort(key=lambda match: int(match[2]))
    names, numbers = [match[0] for match in found], [int(match[2]) for match in found]
    first = numbers[0] if numbers else 0
    if len({match[1] for match in found}) > 1 or first > 1 or numbers != list(range(first, first + len(numbers))):
        raise UserError(
            f"{table.source}: the columns of choices are {listed(names)}; give all the same name, numbered without "
            "gaps from 0 or 1, as in ending0, ending1"
        )
    return names


def _number(label: str, choices: tuple[str, ...]) -> int | None:
    return int(label) if label.isdecimal() and len(label) < 9 and int(label) < len(choices) else None


def _letter(label: str, choices: tuple[str, ...]) -> int | None:
    return ascii_uppercase.index(label) if len(label) == 1 and label in ascii_uppercase[: len(choices)] else None


def _text(label: str, choices: tuple[str, ...]) -> int | None:
    return choices.index(label) if choices.count(label) == 1 else None


READINGS = {
    _number: "a number from 0 to {last}",
    _letter: "a letter from A to {letter}",
    _text: "the text of one choice",
}
"""How a label is read → what it then is, in words with the last number or letter."""


def _labels(table: Table, column: str, choices: Sequence[tuple[str, ...]]) -> list[int]:
    """The numbers of the right choices. All labels of a column are read in one way; two possible ways are refused."""
    values = table.columns[column]
    labels = ["" if value is None or isinstance(value, bool) else str(value) for value in values]
    last = len(choices[0]) - 1
    words = {read: text.format(last=last, letter=ascii_uppercase[last]) for read, text in READINGS.items()}
    found = {read: list(map(read, labels, choices)) for read in READINGS}
    whole = {read: kept for read, of in found.items() if len(kept := [n for n in of if n is not None]) == len(of)}
    if not whole:
        read, best = min(found.items(), key=lambda each: each[1].count(None))
        row, count = best.index(None), len(best) - best.count(None)
        wanted = f"{words[read]}, as {count} of {len(best)} labels are" if count else " or ".join(words.values())
        remedy = "numbers begin at 0" if read is _number and labels[row].isdecimal() else "write all in one way"
        raise table.fault(row, column, f"the label {shown(values[row])} is not {wanted}; {remedy}")
    for row, each in enumerate(zip(*whole.values(), strict=True)):
        if len(set(each)) > 1:
            remedy = "numbers from 0" if _letter in whole else "letters"
            wanted = " or ".join(words[read] for read in whole)
            raise table.fault(
                row, column, f"the label {shown(values[row])} can be {wanted}; write {remedy} in every row"
            )
    return next(iter(whole.values()))
