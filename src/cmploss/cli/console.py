"""What the commands share: where they print, and how they show progress."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from cmploss.reports import ComparisonTable

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def progress_bar() -> Progress:
    """A bar with the time left, on standard error; nothing where that is no terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("· left"),
        TimeRemainingColumn(),
        console=err,
        transient=True,
    )


def print_verdict(table: ComparisonTable) -> None:
    """Print the verdict and the footnote of a table, wrapped at the width of the terminal."""
    from cmploss.reports import footnote, in_words

    out.print()
    for text in filter(None, (f"Verdict: {in_words(table)}", footnote(table))):
        out.print(textwrap.fill(text, out.width, break_long_words=False, break_on_hyphens=False), markup=False)
