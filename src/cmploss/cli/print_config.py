"""``--print_config``: the options of a command line, as a YAML file that the same command reads."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from importlib import import_module
from types import ModuleType
from typing import Any

import yaml

from cmploss.errors import UserError
from cmploss.options import parse_arguments
from cmploss.recipes.recipe import find_recipe
from cmploss.training_options import TRAINING_DEFAULTS

WITHOUT_A_FILE = ("recipes", "report", "cut", "completion")
DECIDED_LATER = ("learning_rate",)  # by the size of the model


def config_text(name: str, argv: Sequence[str]) -> str:
    """The options that were given, in a YAML file or as flags, and the defaults of all others as comments.

    Defaults are comments because an option that is given can exclude another, or end the choice of a value that is made
    later.

    Raises:
        UserError: The options are wrong, or the command reads no YAML file.
    """
    words = list(argv)
    match [name, *words]:
        case ["recipes", "run", recipe_name, *more]:
            recipe = find_recipe(recipe_name)
            name, words = recipe.command, [*recipe.arguments, *more]
    if name in WITHOUT_A_FILE:
        raise UserError(f"--print_config does not apply to {name}, which reads no YAML file")
    command = import_module(f"cmploss.cli.{name.replace(' ', '_')}")
    trains = getattr(command, "TRAINING", False)
    options = parse_arguments(
        command.flags_of(words) if name == "inspect" else words, command.SECTIONS, training=trains
    )
    values = {field.name: getattr(options[section], field.name) for section in options for field in fields(section)}
    given = {option: value for option, value in values.items() if option in options.given} | options.training
    others = values | (_training_defaults(command) if trains else {})
    defaults = {option: value for option, value in others.items() if option not in given and value not in (None, ())}
    lines = [f"# cmploss {name} FILE.yaml", *_lines(given), "# Defaults:", *(f"# {line}" for line in _lines(defaults))]
    return "\n".join(lines)


def _training_defaults(command: ModuleType) -> dict[str, Any]:
    own = {*DECIDED_LATER, *getattr(command, "TRAINING_TEXTS", ())}
    return {option: value for option, value in TRAINING_DEFAULTS.items() if option not in own}


def _lines(options: Mapping[str, Any]) -> list[str]:
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in options.items()}
    text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=2**16) if plain else ""
    return text.splitlines()
