"""``cmploss COMMAND``: find the command, run it, and turn a user's mistake into one line."""

import sys
from collections.abc import Sequence
from importlib import import_module

from cmploss.errors import UserError

COMMANDS = {
    "compare": "several objectives × seeds on one data set: a table, a report, the best checkpoint",
    "train": "one run with one objective, to a plain transformers checkpoint",
    "report": "one page about finished runs: answer, table, figures, examples, settings",
    "evaluate": "score a checkpoint, also as its own ablated submodels",
    "predict": "labels and probabilities for a file of texts",
    "inspect": "every dropout site of a model, and whether CmpDrop works",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status: 0, 2 for a mistake of the user, 130 after Ctrl-C."""
    argv = list(sys.argv[1:] if argv is None else argv)
    try:
        if not argv or argv[0] in ("-h", "--help", "--help_all"):
            print(_usage())
            return 0
        if argv[0] not in COMMANDS:
            raise UserError(f"unknown command {argv[0]!r}; choose from {', '.join(COMMANDS)}")
        command = import_module(f"cmploss.cli.{argv[0]}")
        if {"-h", "--help", "--help_all"} & set(argv[1:]):
            from cmploss.cli.help import print_help

            print_help(argv[0], command, everything="--help_all" in argv)
            return 0
        command.run(argv[1:])
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as interrupt:
        print(f"interrupted{interrupt}", file=sys.stderr)
        return 130
    return 0


def _usage() -> str:
    commands = "\n".join(f"  {name:<10}{text}" for name, text in COMMANDS.items())
    return (
        f"Fine-tune language models with losses that compare.\n\nUsage: cmploss COMMAND [FILE.yaml] [--option value …]"
        f"\n\n{commands}\n\ncmploss COMMAND --help shows its options."
    )


if __name__ == "__main__":
    sys.exit(main())
