"""Options by name: the same names, types and checks for flags, YAML files and Python keyword arguments."""

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from difflib import get_close_matches
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import yaml

from cmploss.errors import UserError
from cmploss.training_options import training_options

ALIASES = {
    "then": "init_from_study",
    "queries": "train_queries",
    "qrels": "train_qrels",
    "run_file": "train_run_file",
}
"""Old name of an option -> its name now; the old one works for one release."""

_BOOLEANS = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}
_KINDS = {bool: "true or false", int: "a whole number", float: "a number", dict: "JSON"}


class Options(dict[type, Any]):
    """Parsed options: each section's dataclass, and the training options that were given.

    Attributes:
        training: Fields of ``transformers.TrainingArguments`` that were given, and no others.
        given: Names of all options that were given.
    """

    training: dict[str, Any]
    given: frozenset[str]

    def take(self, name: str, default: Any = None) -> Any:
        """Remove a training option that is handled separately, such as ``output_dir``, and return it."""
        return self.training.pop(name, default)


def parse_arguments(argv: Sequence[str], sections: Sequence[type], *, training: bool = False) -> Options:
    """Parse flags, after an optional YAML file whose options they override."""
    words = list(argv)
    if words and words[0].endswith((".yaml", ".yml")):
        words = as_arguments(read_yaml(Path(words[0]))) + words[1:]
    own = {name: kind_of(hint) for section in sections for name, hint in get_type_hints(section).items()}
    given: dict[str, Any] = {}
    while words:
        flag, equals, text = words.pop(0).partition("=")
        if not flag.startswith("--"):
            raise UserError(f"unexpected argument {flag + equals + text!r}; options are written --name value")
        name = _current_name(flag[2:].replace("-", "_"), own)
        kind = own.get(name)
        if kind is None and training and name in training_options():
            kind = training_options()[name].kind
        if kind is None:
            raise UserError(_unknown(flag, [*own, *(training_options() if training else ())]))
        values = [text] if equals else []
        while words and not equals and not words[0].startswith("--") and (_takes_several(kind) or not values):
            values.append(words.pop(0))
        given[name] = _value(name, kind, values)
    options = Options()
    options.given = frozenset(given)
    for section in sections:
        names = given.keys() & {field.name for field in fields(section)}
        options[section] = section(**{name: given.pop(name) for name in names})
    options.training = given
    return options


def kind_of(hint: Any) -> Any:
    """The type of an option's value: ``int | None`` is read as an int.

    >>> kind_of(int | None), kind_of(int | Literal["auto"] | None)
    (<class 'int'>, typing.Union[int, typing.Literal['auto']])
    """
    if type(None) not in get_args(hint):
        return hint
    first, *others = (kind for kind in get_args(hint) if kind is not type(None))
    return reduce(or_, others, first)


def _current_name(name: str, own: Mapping[str, Any]) -> str:
    new = ALIASES.get(name, name)
    if name in own or new not in own:
        return name
    if new != name:
        print(f"note: --{name} is now called --{new}; the old name works for one release", file=sys.stderr)
    return new


def _value(name: str, kind: Any, values: list[str]) -> Any:
    if _takes_several(kind):
        return values if kind is list else tuple(values)
    if not values and kind is bool:
        return True
    if not values:
        raise UserError(f"--{name} needs a value")
    return read_value(name, kind, values[0])


def _takes_several(kind: Any) -> bool:
    return kind is list or get_origin(kind) is tuple


def read_value(name: str, kind: Any, text: str) -> Any:
    """The value of an option, from text; ``int | Literal["auto"]`` is a word or a number."""
    if get_origin(kind) is Union:
        number, words = get_args(kind)
        if text in get_args(words):
            return text
        try:
            return _finite(number(text))
        except ValueError:
            expected = f"{_KINDS[number]} or {', '.join(get_args(words))}"
            raise UserError(f"--{name} must be {expected}, got {text!r}") from None
    choices = get_args(kind) if get_origin(kind) is Literal else ()
    try:
        if choices:
            return choices[choices.index(text)]
        return _BOOLEANS[text.lower()] if kind is bool else json.loads(text) if kind is dict else _finite(kind(text))
    except (ValueError, KeyError):
        expected = f"one of {', '.join(choices)}" if choices else _KINDS[kind]
        raise UserError(f"--{name} must be {expected}, got {text!r}") from None


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(value)
    return value


def as_arguments(options: Mapping[str, Any]) -> list[str]:
    """Write options as flags: lists joined by commas for our own options and as several values for the Trainer's.

    A mapping is JSON for the Trainer's options, and as in ``--vary name=A,B`` for our own.

    >>> as_arguments({"seeds": 3, "bf16": True, "objectives": ["supervised", "comparative"]})
    ['--seeds', '3', '--bf16', 'true', '--objectives', 'supervised,comparative']
    """
    arguments: list[str] = []
    for name, value in options.items():
        if value is None:
            continue
        if isinstance(value, (list, tuple)) and not value:
            raise UserError(f"--{name} is an empty list; give a value or leave it out")
        if isinstance(value, Mapping) and name not in training_options():
            arguments += [f"--{name}", *(f"{setting}={_joined(each)}" for setting, each in value.items())]
            continue
        values = [_text(item) for item in value] if isinstance(value, (list, tuple)) else [_text(value)]
        kind = training_options()[name].kind if name in training_options() else None
        separate = len(values) > 1 and (kind is list or name == "vary")
        words = values if separate else [",".join(values)]
        arguments += [f"--{name}={words[0]}"] if words[0].startswith("--") else [f"--{name}", *words]
    return arguments


def check_seed(option: str, seed: int) -> None:
    """Refuse a seed that numpy refuses."""
    if not 0 <= seed < 2**32:
        raise UserError(f"--{option} {seed} is out of range; give a whole number from 0 to {2**32 - 1}")


def whole_numbers(option: str, text: str | None, *, least: int) -> tuple[int, ...]:
    """The distinct numbers of a comma-separated option, ascending.

    >>> whole_numbers("dropout_power", "0,2,1,2", least=0)
    (0, 1, 2)
    """
    words = [] if text is None else text.split(",")
    if not all(word.strip().isdecimal() and len(word) < 19 and int(word) >= least for word in words):
        raise UserError(f"--{option} must be whole numbers >= {least} joined by commas, as in 2,4,6; got {text!r}")
    return tuple(sorted({int(word) for word in words}))


def _joined(values: Any) -> str:
    """Values joined by commas; one of several that has commas itself is in parentheses."""
    if not isinstance(values, (list, tuple)):
        return _text(values)
    return ",".join(f"({text})" if "," in text else text for text in map(_text, values))


def _text(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    return json.dumps(value) if isinstance(value, dict) else str(value)


OTHER_NAMES = {
    "group_by_length": "write --train_sampling_strategy group_by_length",
    "overwrite_output_dir": "leave it out: a folder of another run is never overwritten",
}
"""Options of scripts for transformers -> what to give instead."""


def _unknown(flag: str, names: Sequence[str]) -> str:
    if flag[2:] in OTHER_NAMES:
        return f"unknown option {flag}; {OTHER_NAMES[flag[2:]]}"
    close = get_close_matches(flag[2:].replace("-", "_"), names, n=1)
    return f"unknown option {flag}" + (f"; did you mean --{close[0]}?" if close else "; --help_all lists every option")


class _Loader(yaml.SafeLoader):
    """Plain values only, and no key twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
        if twice is not None:
            raise yaml.constructor.ConstructorError(None, None, f"{twice} is given twice", node.start_mark)
        return super().construct_mapping(node, deep)

    def construct_document(self, node: yaml.Node) -> Any:
        """The options of a file, whose scalars stay as written: the type of an option decides what ``no`` is."""
        checked = super().construct_document(node)
        if not isinstance(node, yaml.MappingNode):
            return checked
        return {self.construct_object(name): self._written(value) for name, value in node.value}

    def _written(self, node: yaml.Node) -> Any:
        if isinstance(node, yaml.SequenceNode):
            return [self._written(each) for each in node.value]
        if isinstance(node, yaml.ScalarNode) and node.tag != "tag:yaml.org,2002:null":
            return node.value
        return self.construct_object(node, deep=True)


def read_yaml(path: Path) -> dict[str, Any]:
    packaged = Path(__file__).parent / path
    if path.parts[0] == "recipes" and packaged.exists() and not path.exists():
        path = packaged
    try:
        options = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: byte {error.start} is not UTF-8") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        raise UserError(f"{path}{place}: not valid YAML ({getattr(error, 'problem', error)})") from error
    except (RecursionError, ValueError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise UserError(f"{path}: not valid YAML ({reason})") from error
    if not isinstance(options, dict) or not all(isinstance(name, str) for name in options):
        raise UserError(f"{path}: must contain options, one 'name: value' per line")
    return options
