"""Reading JSON documents; every error message names the place."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from cmploss.errors import UserError
from cmploss.json_text import parse_json
from cmploss.tasks.data_tables import Table, has_half_pair, listed, shown
from cmploss.tasks.qa.questions import Span
from cmploss.tasks.text.table_files import json_lines, read_text

Value = TypeVar("Value")


@dataclass(frozen=True)
class Node:
    """A value of a JSON document with its place (``data[3].paragraphs[0]``) and its source."""

    source: str
    path: str
    value: Any

    def __getitem__(self, name: str) -> "Node":
        found = self.get(name)
        if found is None:
            raise self.fault(f"has no {name!r}; it has {', '.join(map(shown, self.names())) or 'nothing'}")
        return found

    def get(self, name: str) -> "Node | None":
        """A field, or None if it is missing or null."""
        value = self._of(dict, "an object").get(name)
        return None if value is None else Node(self.source, f"{self.path}.{name}" if self.path else name, value)

    def items(self) -> "Iterator[Node]":
        for index, value in enumerate(self._of(list, "a list")):
            yield Node(self.source, f"{self.path}[{index}]", value)

    def names(self) -> list[str]:
        return list(self._of(dict, "an object"))

    def pair(self) -> "tuple[Node, Node]":
        items = list(self.items())
        if len(items) != 2:
            raise self.fault(f"has {len(items)} items, expected 2")
        return items[0], items[1]

    def string(self) -> str:
        """A string, which may be empty."""
        text = self._of(str, "a string")
        if has_half_pair(text):
            raise self.fault(f"{shown(text)} has half a surrogate pair; fix or remove it")
        return text

    def text(self) -> str:
        text = self.string()
        if not text.strip():
            raise self.fault("is empty; give a text or remove the example")
        return text

    def integer(self) -> int:
        return self._of(int, "a whole number")

    def boolean(self) -> bool:
        return self._of(bool, "true or false")

    def fault(self, message: str) -> UserError:
        return UserError(f"{self.place}: {message}")

    @property
    def place(self) -> str:
        return ", ".join(filter(None, (self.source, self.path)))

    def _of(self, kind: type[Value], name: str) -> Value:
        if not isinstance(self.value, kind) or (kind is int and isinstance(self.value, bool)):
            raise self.fault(f"{shown(self.value)} is not {name}")
        return self.value


def check_names(node: Node, known: Sequence[str], near: Mapping[str, str] = {}) -> Node:
    """Refuse unknown fields; ``near`` has the right names of some, others are found by their letters."""
    for name in node.names():
        if name not in known:
            meant = near.get(name) or next(iter(get_close_matches(name, known, n=1)), None)
            remedy = f"did you mean {meant!r}?" if meant in known else f"choose from {listed(known)}"
            raise node.fault(f"the field {shown(name)} is unknown; {remedy}")
    return node


def read_document(path: Path) -> Node:
    return Node(str(path), "", parse_json(read_text(path), str(path)))


def read_objects(path: Path) -> Iterator[Node]:
    """The objects of JSON lines, or of a JSON document that is one list."""
    text = read_text(path)
    if text.lstrip().startswith("["):
        yield from Node(str(path), "", parse_json(text, str(path))).items()
    else:
        for row, line in zip(*json_lines(str(path), text), strict=True):
            yield Node(f"{path}, line {line}", "", row)


def rows_of(table: Table) -> Iterator[Node]:
    for number, *row in zip(table.numbers, *table.columns.values(), strict=True):
        yield Node(f"{table.source}, {table.unit} {number}", "", dict(zip(table.columns, row, strict=True)))


def located(text: Node, start: Node, context: str, number: int) -> Span:
    """The span of an answer that starts at a character of a context; ``number`` is the number of this text."""
    answer, first = text.text(), start.integer()
    found = context[first : first + len(answer)] if first >= 0 else ""
    if found != answer:
        right = context.find(answer)
        remedy = f"the answer starts at {right}" if right >= 0 else "the text does not contain the answer"
        raise start.fault(f"{first} points to {shown(found)}, not to the answer {shown(answer)}; {remedy}")
    return Span(number, first, first + len(answer))
