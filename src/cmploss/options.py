"""Options by name: the same names, types and checks for flags, YAML files and Python keyword arguments."""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

import yaml
from transformers import HfArgumentParser, TrainingArguments

from cmploss.errors import UserError

TRAINING_FIELDS = tuple(field.name for field in fields(TrainingArguments) if field.init)


class Options(dict[type, Any]):
    """Parsed options: each section's dataclass, and the training options that were given.

    Attributes:
        training: Fields of ``transformers.TrainingArguments`` that were given, and no others.
    """

    training: dict[str, Any]

    def take(self, name: str, default: Any = None) -> Any:
        """Remove a training option that has a place of its own, such as ``output_dir``, and return it."""
        return self.training.pop(name, default)


def parse_arguments(argv: Sequence[str], sections: Sequence[type], *, training: bool = False) -> Options:
    """Parse flags, after an optional YAML file whose options they override.

    Args:
        argv: ``[FILE.yaml] --option value …``.
        sections: Dataclasses whose fields are the options.
        training: Whether the fields of ``TrainingArguments`` are options too.

    Raises:
        UserError: For an unknown option (with a suggestion), a value of the wrong type, or a faulty YAML file.
    """
    argv = list(argv)
    if argv and argv[0].endswith((".yaml", ".yml")):
        argv = as_arguments(_read_yaml(Path(argv[0]))) + argv[1:]
    own = {field.name for section in sections for field in fields(section)}
    types: list[Any] = [*([TrainingArguments] if training else []), *sections]
    parser = _Parser(types, allow_abbrev=False, add_help=False, conflict_handler="resolve")  # our options win
    for action in parser._actions:
        if action.dest not in own:
            action.default = argparse.SUPPRESS  # tells what was given from what was not
    namespace, rest = parser.parse_known_args(argv)
    if rest:
        raise UserError(_unknown(rest[0], parser))
    given = vars(namespace)
    options = Options(
        {section: section(**{field.name: given.pop(field.name) for field in fields(section)}) for section in sections}
    )
    options.training = given
    return options


def as_arguments(options: Mapping[str, Any]) -> list[str]:
    """Write options as flags: lists joined by commas for our own options and as several values for the Trainer's.

    >>> as_arguments({"seeds": 3, "bf16": True, "objectives": ["supervised", "comparative"]})
    ['--seeds', '3', '--bf16', 'true', '--objectives', 'supervised,comparative']
    """
    arguments: list[str] = []
    for name, value in options.items():
        if value is None:
            continue
        if isinstance(value, (list, tuple)) and not value:
            raise UserError(f"--{name} is an empty list; give a value or leave it out")
        values = [_text(item) for item in value] if isinstance(value, (list, tuple)) else [_text(value)]
        arguments += [f"--{name}", *(values if name in TRAINING_FIELDS else [",".join(values)])]
    return arguments


def whole_numbers(option: str, text: str | None, *, least: int) -> tuple[int, ...]:
    """The different numbers of a comma-separated option, ascending.

    Raises:
        UserError: Something else stands there, or a number below ``least``.

    >>> whole_numbers("dropout_power", "0,2,1,2", least=0)
    (0, 1, 2)
    """
    words = [] if text is None else text.split(",")
    if not all(word.strip().isdecimal() and int(word) >= least for word in words):
        raise UserError(f"--{option} {text!r}: give whole numbers from {least} joined by commas, as in 2,4,6")
    return tuple(sorted({int(word) for word in words}))


class _Parser(HfArgumentParser):
    def error(self, message: str) -> NoReturn:
        option, colon, fault = message.removeprefix("argument ").partition(": ")
        raise UserError(f"{option.partition('/')[0]}{colon}{fault}")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, dict) else str(value)


def _unknown(word: str, parser: argparse.ArgumentParser) -> str:
    if not word.startswith("--"):
        return f"unexpected argument {word!r}; options are written --name value"
    known = [option for action in parser._actions for option in action.option_strings if "-" not in option[2:]]
    close = get_close_matches(word.partition("=")[0].replace("-", "_").replace("__", "--", 1), known, n=1)
    return f"unknown option {word}" + (f"; did you mean {close[0]}?" if close else "; --help_all lists every option")


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        options = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: byte {error.start} is not UTF-8") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        raise UserError(f"{path}{place}: not valid YAML ({getattr(error, 'problem', error)})") from error
    if not isinstance(options, dict) or not all(isinstance(name, str) for name in options):
        raise UserError(f"{path}: must hold options, one 'name: value' a line")
    return options
