"""``cmploss COMMAND``: find the command, run it, and turn a user's mistake into one line."""

import os
import select
import signal
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from io import TextIOWrapper

from cmploss.errors import UserError, exit_status
from cmploss.studies.quiet import quiet_libraries

COMMANDS = {
    "compare": "several objectives × seeds on one data set: a table, a report, the best checkpoint",
    "train": "one run with one objective, to a plain transformers checkpoint",
    "report": "one page about finished runs: answer, table, figures, examples, settings",
    "evaluate": "score a checkpoint, also as its own ablated submodels",
    "predict": "labels and probabilities for a file of texts",
    "cut": "write a trained model with fewer of its layers",
    "inspect": "every dropout site of a model, and whether CmpDrop works",
    "completion": "a script that completes commands and options in bash, zsh or tcsh",
    "recipes": "published runs and studies of this project by name: list, show NAME, run NAME",
    "retrieve index": "encode a collection into a dense or sparse index",
    "retrieve search": "search an index or, by BM25, a collection: a run file",
    "retrieve train": "train a query reformulator on feedback passages",
    "retrieve convert": "convert a released LoL checkpoint into a reformulator",
    "retrieve evaluate": "score retrieval with more and more feedback passages, query by query",
}

HELP = {"-h", "--help", "--help_all"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status: 0, 1 if runs failed, 2 for a user's mistake, 130 after Ctrl-C, 141 if the
    reader of the output has ended, 143 after SIGTERM."""
    try:
        status = _run(argv)
        sys.stdout.flush()
    except BrokenPipeError:
        if not _has_no_reader(sys.stdout.fileno()):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    return status


def _has_no_reader(pipe: int) -> bool:
    """Whether the program at the other end of a pipe has ended, as in ``cmploss --help | head -1``."""
    poll = select.poll()
    poll.register(pipe)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def _run(argv: Sequence[str] | None) -> int:
    argv = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # Δ and † where the encoding lacks them
    try:
        if not argv or argv[0] in HELP:
            print(_usage())
            return 0
        if argv[0] == "--version":
            from cmploss import __version__

            print(f"cmploss {__version__}")
            return 0
        group = {name: text for name, text in COMMANDS.items() if name.startswith(f"{argv[0]} ")}
        if group and HELP & set(argv[1:2]):
            print(_listed(group))
            return 0
        name, rest = split_command(argv)
        command = import_module(f"cmploss.cli.{name.replace(' ', '_')}")
        if HELP & set(rest):
            from cmploss.cli.help import print_help

            print_help(name, command, everything="--help_all" in rest)
            return 0
        if "--print_config" in rest:
            from cmploss.cli.print_config import config_text

            print(config_text(name, [word for word in rest if word != "--print_config"]))
            return 0
        if rest.count("--vary") > 1:
            raise UserError("--vary is given twice, and only the last one would count; give all settings after one")
        quiet_libraries()
        return command.run(rest) or 0
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as interrupt:
        print(f"interrupted{interrupt}", file=sys.stderr)
        return exit_status(interrupt)


def split_command(argv: Sequence[str]) -> tuple[str, list[str]]:
    """The name of the command, one word or two, and the arguments after it."""
    for words in (2, 1):
        name = " ".join(argv[:words])
        if name in COMMANDS:
            return name, list(argv[words:])
    longer = [name for name in COMMANDS if name.startswith(f"{argv[0]} ")]
    fault = f"{argv[0]} needs a second word" if longer else f"unknown command {argv[0]!r}"
    raise UserError(f"{fault}; choose from {', '.join(longer or COMMANDS)}")


def _listed(commands: Mapping[str, str]) -> str:
    return "\n".join(f"  {name:<19}{text}" for name, text in commands.items())


def _usage() -> str:
    return (
        "Fine-tune transformers models with a comparative loss, and test whether it helps."
        f"\n\nUsage: cmploss COMMAND [FILE.yaml] [--option value …]\n\n{_listed(COMMANDS)}"
        "\n\ncmploss COMMAND --help shows its options, cmploss COMMAND … --print_config the given ones as a YAML file;"
        "\ncmploss --version shows the version."
    )
