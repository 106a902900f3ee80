"""Settings that a dataclass declares with its fields: options, keywords of :func:`cmploss.compare`, entries in records.

Modules that declare settings import torch only in their methods, so that ``cmploss --help`` lists the options at once.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

_KEY = "cmploss"
_UNSET: Any = object()


@dataclass(frozen=True)
class Setting:
    """A setting, as its field declares it.

    Attributes:
        field: Name of the field.
        option: Name of the option.
        type: Type of its values.
        default: Value if the option is not given.
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

        >>> Setting("n_drop", "n_drop", int, 1).read("2")
        2
        """
        from cmploss.options import kind_of, read_value

        kind = kind_of(self.type)
        if type(None) in get_args(self.type) and text.lower() == "none":
            return None
        if kind in (bool, int, float, str) or get_origin(kind) is Literal:
            return read_value(self.option, kind, text)
        try:
            return json.loads({"True": "true", "False": "false", "None": "null"}.get(text, text))
        except ValueError:
            return text


def setting(
    default: Any,
    *,
    option: str,
    search: Sequence[Any] = (),
    help: str,
    option_default: Any = _UNSET,
    kw_only: bool = False,
) -> Any:
    """A field of a dataclass that is also an option; see :class:`Setting`.

    An option name has the same meaning in all objectives. ``option_default`` is by default the field's default.
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
