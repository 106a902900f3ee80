"""The text form of objectives: names, sums, and settings in parentheses."""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import PurePath
from typing import Any

from cmploss.errors import UserError
from cmploss.objectives.named import ALIASES, OBJECTIVES, REGULARIZERS
from cmploss.settings import Setting

CHOICES = (
    f"{', '.join(OBJECTIVES)}; {', '.join(REGULARIZERS)} can be added to another, as in comparative+scl; "
    "your own is written module:name"
)


def split_outside(text: str, separator: str) -> list[str]:
    """Split text at a separator outside of brackets.

    >>> split_outside("supervised,comparative(n_drop=2,n_crop=1)", ",")
    ['supervised', 'comparative(n_drop=2,n_crop=1)']
    """
    words, depth = [""], 0
    for letter in text:
        depth += (letter in "([{") - (letter in ")]}")
        if letter == separator and not depth:
            words.append("")
        else:
            words[-1] += letter
    return words


def row_name(name: str, varied: Mapping[str, Any]) -> str:
    """The name of a row: an objective, and the settings that this row of the study has.

    >>> row_name("scl", {"learning_rate": 1e-4, "model": "org/bert"}), row_name("scl", {})
    ('scl · learning_rate=0.0001 · model=bert', 'scl')
    """
    return " · ".join([name, *(f"{setting}={_short(setting, value)}" for setting, value in varied.items())])


def _short(setting: str, value: Any) -> str:
    if setting == "model":
        return PurePath(value).name
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def read_term(term: str, text: str) -> tuple[str, dict[str, str]]:
    """A name and its settings, as text."""
    found = re.fullmatch(r"([^()]*)(?:\(((?:[^()]|\([^()]*\))*)\))?", term)
    if found is None:
        raise UserError(f"objective {text}: write settings once in parentheses after the name, as in scl(weight=0.5)")
    words: list[str] = []
    for word in split_outside(found[2], ",") if found[2] is not None else ():
        if words and word.isdecimal():  # several numbers, as in layers=4,2
            words[-1] += f",{word}"
        else:
            words.append(word)
    given = {}
    for word in words:
        name, _, value = word.partition("=")
        if not name or not value:
            raise UserError(f"objective {text}: {word!r} is not a setting; write name=value")
        if name in given:
            raise UserError(f"objective {text}: {name} is given twice; give it once")
        given[name] = value
    return found[1], given


def read_kind(names: Sequence[str], text: str) -> str:
    """The names of a sum, checked, with aliases replaced."""
    names = [ALIASES.get(name, name) for name in names]
    for name in names:
        if name not in OBJECTIVES:
            close = get_close_matches(name, OBJECTIVES, n=1)
            hint = f"did you mean {close[0]}? " if close else ""
            raise UserError(f"objective {name!r} is unknown; {hint}choose from {CHOICES}")
    for name in names[1:]:
        if name not in REGULARIZERS:
            raise UserError(f"objective {text}: {name} cannot be added, only {', '.join(REGULARIZERS)}; write it first")
    if len(set(names)) < len(names):
        raise UserError(f"objective {text}: has a name twice; give each name once")
    return "+".join(names)


def read_settings(given: Mapping[str, str], known: Mapping[str, Setting], text: str) -> dict[str, Any]:
    values = {}
    for name, value in given.items():
        if name not in known:
            options = dict.fromkeys(each.option for each in known.values())
            raise UserError(f"objective {text}: unknown setting {name!r}; choose from {', '.join(options)}")
        if known[name].option in values:
            raise UserError(f"objective {text}: {known[name].option} is given twice; give it once")
        try:
            values[known[name].option] = known[name].read(value)
        except UserError as error:
            raise UserError(f"objective {text}: {error}") from error
    return values
