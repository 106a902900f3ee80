"""Settings that a dataclass declares with its fields: their options, search spaces and help texts.

A field made by :func:`setting` is an option of the command line, a keyword of :func:`cmploss.compare` and an entry in
records. Modules that declare settings import neither torch nor transformers when they are imported, so that
``cmploss --help`` lists the options at once: their methods import what they need.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from cmploss.errors import UserError

_KEY = "cmploss"
_UNSET: Any = object()


@dataclass(frozen=True)
class Setting:
    """A setting, as its field declares it.

    Attributes:
        field: Name of the field.
        option: Name of the option.
        type: Type of its values.
        default: Value where the option is not given.
        search: Values that a search tries; none by default.
        help: Help text.
    """

    field: str
    option: str
    type: Any
    default: Any
    search: tuple[Any, ...] = ()
    help: str = ""

    def read(self, text: str) -> Any:
        """A value from text.

        Raises:
            UserError: If the text does not have the type of the setting.

        >>> Setting("n_drop", "n_drop", int, 1).read("2")
        2
        """
        if self.type is Any:
            return _literal(text)
        choices = [choice for kind in _kinds(self.type) if get_origin(kind) is Literal for choice in get_args(kind)]
        for kind in _kinds(self.type):
            try:
                value = _read(text, kind)
            except ValueError:
                continue
            return value
        expected = ", ".join(choices) if choices else " or ".join(_name(kind) for kind in _kinds(self.type))
        raise UserError(f"{self.option} must be {'one of ' * bool(choices)}{expected}, got {text!r}")


def setting(
    default: Any,
    *,
    option: str,
    search: Sequence[Any] = (),
    help: str,
    option_default: Any = _UNSET,
    kw_only: bool = False,
) -> Any:
    """A field of a dataclass that is an option too.

    Args:
        default: Default of the field.
        option: Name of the option: unique among objectives, or of the same meaning in all that have it.
        search: Values that ``--search_trials`` tries.
        help: Help text of the option, a sentence.
        option_default: Default of the option; that of the field by default.
        kw_only: Whether the field is a keyword only.
    """
    entry = {
        "option": option,
        "search": tuple(search),
        "help": help,
        "default": default if option_default is _UNSET else option_default,
    }
    return field(default=default, kw_only=kw_only, metadata={_KEY: entry})


def settings_of(declaring: type) -> tuple[Setting, ...]:
    """The settings that a dataclass declares with :func:`setting`, in the order of its fields."""
    types = get_type_hints(declaring)
    return tuple(
        Setting(each.name, type=types[each.name], **each.metadata[_KEY])
        for each in fields(declaring)
        if _KEY in each.metadata
    )


def check_option(name: str, value: Any, allowed: Iterable[Any]) -> None:
    """Raise a ``ValueError`` that lists the allowed values unless ``value`` is one of them."""
    allowed = tuple(allowed)
    if value not in allowed:
        raise ValueError(f"{name}={value!r} is unknown; allowed: {', '.join(map(str, allowed))}")


def _kinds(annotation: Any) -> tuple[Any, ...]:
    """The types of a union, ``None`` first, else the one type."""
    if get_origin(annotation) is Literal or not get_args(annotation) or isinstance(annotation, type):
        return (annotation,)
    return tuple(sorted(get_args(annotation), key=lambda kind: kind is not NoneType))


def _read(text: str, kind: Any) -> Any:
    if kind is NoneType and text.lower() in ("none", "null"):
        return None
    if get_origin(kind) is Literal:
        found = [choice for choice in get_args(kind) if str(choice) == text]
        if found:
            return found[0]
    elif kind is bool and text.lower() in ("true", "false"):
        return text.lower() == "true"
    elif kind in (int, float):
        return kind(text)
    elif kind is str:
        return text
    elif kind not in (NoneType, bool):
        return json.loads(text)
    raise ValueError(text)


def _literal(text: str) -> Any:
    try:
        return json.loads({"True": "true", "False": "false", "None": "null"}.get(text, text))
    except ValueError:
        return text


def _name(kind: Any) -> str:
    names = {int: "a whole number", float: "a number", bool: "true or false", NoneType: "none"}
    return names.get(kind, getattr(kind, "__name__", str(kind)))
