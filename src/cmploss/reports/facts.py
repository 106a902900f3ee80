"""What some documents say, name by name: settings, environments, data."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def values_of(documents: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Dotted name → the different values that it has in some documents, joined by commas.

    >>> values_of([{"seed": 0, "training": {"lr": 0.1}}, {"seed": 1, "training": {"lr": 0.1}}])
    {'seed': '0, 1', 'training.lr': '0.1'}
    """
    found: dict[str, list[object]] = {}
    for document in documents:
        for name, value in _leaves(document):
            found.setdefault(name, []).append(value)
    return {name: joined(values) for name, values in found.items()}


def joined(values: Iterable[object]) -> str:
    """The different values, each once, in the order of their first appearance.

    >>> joined(["a", 1, None, "a"])
    'a, 1, null'
    """
    return ", ".join(dict.fromkeys(value if isinstance(value, str) else json.dumps(value) for value in values))


def _leaves(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in document.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
