"""What the commands share: checks of their options, where they print, and how they show progress."""

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
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


def check_unused(given: Collection[str], names: Iterable[str], what: str) -> None:
    """Refuse options that are given but would not be read."""
    for name in names:
        if name in given:
            raise UserError(f"--{name} does not apply to {what}; leave it out")


def new_path(option: str, name: str) -> Path:
    """The file or folder that an option names, which must not exist, and which can be made."""
    path = output_path(option, name)
    if path.is_symlink() or path.exists():
        raise UserError(f"--{option} {path} exists already; give another name")
    return path


def output_path(option: str, name: str) -> Path:
    """The file or folder that an option names; refused before the work if it could not be written after it."""
    path = Path(name)
    try:
        path.lstat()
    except FileNotFoundError:
        above = next(parent for parent in path.absolute().parents if os.path.lexists(parent))
        if not (above.is_dir() and os.access(above, os.W_OK | os.X_OK)):
            raise UserError(f"--{option} {path}: the folder {above} cannot be written to; give another name") from None
    except OSError as error:
        raise UserError(f"--{option} {path}: cannot be made ({error.strerror}); give another name") from error
    return path


def new_table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="right")
    return table


@contextmanager
def progress(text: str, total: int) -> Iterator[Callable[..., None]]:
    """A bar on standard error, or lines where that is no terminal; yields ``advance(count, text=None)``."""
    if not err.is_terminal:
        lines = ProgressLines(total)
        yield lambda count, text=None: lines.advance(count)
        return
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("· left"),
        TimeRemainingColumn(),
        console=err,
        transient=True,
    )
    with bar:
        task = bar.add_task(text, total=total)

        def advance(count: float, text: str | None = None) -> None:
            bar.update(task, advance=count, description=text)

        yield advance


@contextmanager
def told_when_interrupted(words: str) -> Iterator[None]:
    """Ctrl-C says what becomes of the work."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"; {words}") from None


class ProgressLines:
    """A line every 30 seconds on standard error.

    Args:
        total: All there is to do: steps, documents, searches, or passes over a model.
    """

    def __init__(self, total: int, *, every: float = 30.0, clock: Callable[[], float] = monotonic):
        self.total, self.every, self.clock = total, every, clock
        self.start, self.done = clock(), 0.0
        self.last = self.start

    def advance(self, count: float) -> None:
        self.done += count
        now = self.clock()
        if now - self.last < self.every or not self.done:
            return
        self.last, taken = now, now - self.start
        left = taken / self.done * max(self.total - self.done, 0)
        err.print(f"{min(self.done / self.total, 1):.0%} done, {taken:.0f} s, about {left:.0f} s left", markup=False)
