"""What some documents say, name by name: settings, environments, data."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cmploss.reports.formatting import ABSENT


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


@dataclass(frozen=True)
class Facts:
    """What some things have in common and what not."""

    equal: Mapping[str, str]
    names: Sequence[str]
    different: Mapping[str, Sequence[str]]


def facts_of(things: Mapping[str, Mapping[str, str]]) -> Facts:
    """Tell apart what things have in common.

    >>> facts_of({"a": {"lr": "0.1", "n_drop": "1"}, "b": {"lr": "0.1"}})
    Facts(equal={'lr': '0.1'}, names=['n_drop'], different={'a': ['1'], 'b': ['–']})
    """
    found = {
        name: [of.get(name, ABSENT) for of in things.values()]
        for name in dict.fromkeys(name for of in things.values() for name in of)
    }
    names = [name for name, values in found.items() if len(set(values)) > 1]
    lines = zip(*(found[name] for name in names), strict=True)
    return Facts(
        equal={name: values[0] for name, values in found.items() if name not in names},
        names=names,
        different={thing: list(line) for thing, line in zip(things, lines, strict=False)},
    )


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
