"""Texts with a tag for each token, from files in the columns of CoNLL and from tables."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cmploss.errors import UserError
from cmploss.tasks.data_config import DataConfig
from cmploss.tasks.data_tables import Table, listed, shown
from cmploss.tasks.text.columns import first_column, require, text_columns
from cmploss.tasks.text.labelled_texts import checked_texts
from cmploss.tasks.text.table_files import read_table, read_text

COLUMNS = (".conll", ".bio", ".iob", ".txt")
"""Suffixes of files with a token and its tag a line."""
TOKEN_NAMES = ("tokens", "words")
TAG_NAMES = ("tags", "ner_tags", "labels")
TAG = re.compile(r"O|[BIES]-\S+")
WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True)
class TaggedText:
    """Tokens with their tags, which are () if unknown, and the text that the tokens are from."""

    tokens: tuple[str, ...]
    tags: tuple[str, ...]
    text: str

    @property
    def shown(self) -> tuple[str, str]:
        return self.text, ""


def open_tags(path: Path) -> Table:
    """A table, or lines with the token in the first column and the tag in the last, with empty lines between texts."""
    if path.suffix.lower() not in COLUMNS:
        return read_table(path)
    texts: list[list[list[str]]] = [[]]
    lines: list[int] = []
    width = 0
    for line, content in enumerate(read_text(path).split("\n"), 1):
        fields = content.split()
        if not fields or fields[0] == "-DOCSTART-":
            texts += [[]] if texts[-1] else []
            continue
        width = width or len(fields)
        if len(fields) != width:
            raise UserError(
                f"{path}, line {line}: expected {width} columns, found {len(fields)}; fix or remove the line"
            )
        if not texts[-1]:
            lines.append(line)
        texts[-1].append(fields)
    texts = [text for text in texts if text]
    columns = {"tokens": [[fields[0] for fields in text] for text in texts]}
    if width > 1:
        columns["tags"] = [[fields[-1] for fields in text] for text in texts]
    return Table(str(path), columns, lines, "line")


def read_tags(
    table: Table, config: DataConfig, known: Sequence[str] | None, labelled: bool = True
) -> tuple[TaggedText, ...]:
    """Tokens and tags; without tags, tokens or texts, whose words and punctuation marks are then the tokens.

    Args:
        table: The rows.
        config: The columns, if they have no common name.
        known: The tags that exist; None for those of the table.
        labelled: Whether tags are read.
    """
    tokens = config.text_column or first_column(table, TOKEN_NAMES) or None
    if not labelled and (tokens is None or not isinstance(table.columns.get(tokens, [[]])[0], list | tuple)):
        (column,) = text_columns(table, config.text_column)[:1]
        require(table, [column])
        return tuple(TaggedText(tuple(WORD.findall(text)), (), text) for text in checked_texts(table, column))
    by_number = None if config.tag_names is None else [name.strip() for name in config.tag_names.split(",")]
    tags = config.label_column or first_column(table, TAG_NAMES) or TAG_NAMES[0]
    require(table, [tokens or TOKEN_NAMES[0], *([tags] if labelled else [])])
    found = []
    for row in range(len(table.numbers)):
        words = _strings(table, row, str(tokens), "token")
        of = _strings(table, row, tags, "tag", by_number) if labelled else ()
        if labelled and len(of) != len(words):
            raise table.fault(row, tags, f"there are {len(of)} tags for {len(words)} tokens; give one for each")
        for tag in of:
            if not TAG.fullmatch(tag):
                raise table.fault(
                    row, tags, f"the tag {shown(tag)} is not O, or B-, I-, E- or S- and a type, as in B-PER"
                )
            if known is not None and tag not in known:
                raise table.fault(row, tags, f"the tag {shown(tag)} is unknown; known tags: {listed(known)}")
        found.append(TaggedText(words, of, " ".join(words)))
    return tuple(found)


def tag_names(examples: Sequence[TaggedText], source: str) -> tuple[str, ...]:
    """O, and every prefix with every type: a text may have a tag that is not in the training split."""
    used = sorted({tag for example in examples for tag in example.tags} - {"O"})
    if not used:
        raise UserError(f"{source}: every tag is O; give examples of at least one type, as in B-PER")
    prefixes, types = (sorted({tag.partition("-")[part] for tag in used}) for part in (0, 2))
    return ("O", *(f"{prefix}-{name}" for name in types for prefix in prefixes))


def _strings(table: Table, row: int, column: str, what: str, by_number: Sequence[str] | None = None) -> tuple[str, ...]:
    values: Any = table.columns[column][row]
    if not isinstance(values, list | tuple) or not values:
        raise table.fault(row, column, f"{shown(values)} is not a list of {what}s; write at least one")
    return tuple(_string(table, row, column, what, value, by_number) for value in values)


def _string(table: Table, row: int, column: str, what: str, value: Any, by_number: Sequence[str] | None) -> str:
    if isinstance(value, str) and value.strip():
        return value
    if what == "token" or not isinstance(value, int) or isinstance(value, bool):
        fault = f"the {what} {shown(value)} is not a string with a character; write its name"
    elif by_number is None:
        fault = f"the tag {value} is a number; give the names of all in their order, as in --tag_names O,B-PER,I-PER"
    elif 0 <= value < len(by_number):
        return by_number[value]
    else:
        fault = f"the tag {value} is no number from 0 to {len(by_number) - 1}, those of --tag_names"
    raise table.fault(row, column, fault)
