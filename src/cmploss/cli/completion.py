"""Print a completion script for a shell: commands, options, and values where there are a few or files.

bash: cmploss completion bash > ~/.local/share/bash-completion/completions/cmploss
zsh:  cmploss completion zsh > _cmploss, in a folder of $fpath
"""

from argparse import ArgumentParser
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from cmploss.errors import UserError
from cmploss.options import kind_of
from cmploss.training_options import training_options

SHELLS = ("bash", "zsh", "tcsh")
USAGE = "bash | zsh | tcsh"
SECTIONS: tuple[type, ...] = ()


def run(argv: Sequence[str]) -> None:
    if len(argv) != 1 or argv[0] not in SHELLS:
        raise UserError(f"cmploss completion {USAGE}")
    if find_spec("shtab") is None:
        raise UserError("completion needs shtab; install it with: pip install 'cmploss[completion]'")
    import shtab

    print(shtab.complete(command_line_parser(), argv[0]))


def command_line_parser() -> ArgumentParser:
    """The command line as ``argparse`` describes it, for completion only."""
    from cmploss.cli.main import COMMANDS

    parser = ArgumentParser("cmploss")
    parser.add_argument("--version", action="store_true", help="show the version")
    groups = {"": parser.add_subparsers()}
    for name, summary in COMMANDS.items():
        group, _, word = name.rpartition(" ")
        if group not in groups:
            groups[group] = groups[""].add_parser(group, help=f"{group} …").add_subparsers()
        command = import_module(f"cmploss.cli.{name.replace(' ', '_')}")
        _add_options(groups[group].add_parser(word, help=summary), command)
    return parser


def _add_options(parser: ArgumentParser, command: ModuleType) -> None:
    kinds = {name: kind_of(hint) for section in command.SECTIONS for name, hint in get_type_hints(section).items()}
    if getattr(command, "TRAINING", False):
        kinds |= {name: option.kind for name, option in training_options().items()}
    for name, kind in kinds.items():
        _with_files(parser.add_argument(f"--{name}", choices=_values(kind)), kind is str)
    _with_files(parser.add_argument("words", nargs="*"), True)
    for flag in ("--help_all", "--print_config"):
        parser.add_argument(flag, action="store_true")


def _values(kind: Any) -> tuple[str, ...] | None:
    """The values of an option that has a few."""
    if kind is bool:
        return "true", "false"
    return get_args(kind) if get_origin(kind) is Literal else None


def _with_files(action: Any, wanted: bool) -> None:
    if wanted:
        import shtab

        action.complete = shtab.FILE
