"""What the commands share: checks of their options, where they print, and how they show progress."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from cmploss.errors import UserError

# What the user has named is printed as it is.
_PLAIN: dict[str, Any] = {"highlight": False, "soft_wrap": True, "markup": False, "emoji": False}
out = Console(**_PLAIN)
err = Console(stderr=True, **_PLAIN)


def check_given(flags: object, names: Iterable[str], usage: str) -> None:
    for name in names:
        if not getattr(flags, name):
            raise UserError(f"--{name} is missing; usage: cmploss {usage}")


def new_path(option: str, name: str) -> Path:
    """The file or folder that an option names, which must not exist."""
    path = Path(name)
    if path.exists():
        raise UserError(f"--{option} {path} exists already; give another name")
    return path


def new_table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="right")
    return table


def progress_bar() -> Progress:
    """A bar with the time left, on standard error; nothing if it is not a terminal."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("· left"),
        TimeRemainingColumn(),
        console=err,
        transient=True,
    )
