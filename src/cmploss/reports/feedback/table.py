"""The table of an evaluation of feedback, the same on the screen, on the page, in Markdown and in LaTeX."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cmploss.experiment import Change, FeedbackRecord, FeedbackRow
from cmploss.experiment.statistics import mean_sd
from cmploss.reports.formatting import ABSENT, interval_text, mark, p_text

DECIMALS = 4


@dataclass(frozen=True)
class Cell:
    """One cell of the table.

    Attributes:
        text: As it is shown.
        value: What the table is sorted by; None where there is nothing.
        mark: Of significance, "" without any.
    """

    text: str
    value: str | float | None
    mark: str = ""


def feedback_table(record: FeedbackRecord) -> list[list[Cell]]:
    """Header and rows: method, passages, primary measure, its change, queries helped and hurt, the other measures."""
    others = [measure for measure in record.measures if measure != record.primary]
    change = [f"Δ {record.primary} [95 % CI]", "p", "helped", "hurt", "hurt by more"]
    header = ["feedback", "k", record.primary, *change, *others]
    return [[Cell(name, None) for name in header], *(_cells(row, record.primary, others) for row in record.rows)]


def about(record: FeedbackRecord) -> str:
    """What the columns are."""
    tests = sum(row.change is not None and row.change[record.primary].p is not None for row in record.rows)
    marks = "* p < .05, ** p < .01" if tests else "no test was possible"
    seeds = any(row.seeds[1:] for row in record.rows)
    several = (
        " Several seeds of a method have mean ± standard deviation over seeds (number of seeds). Their scores are "
        "averaged query by query before the test, and their shares of queries are counted for each seed and averaged. "
        "Test and interval say what other queries might show of these models, not what other seeds might."
    )
    return (
        f"Scores from 0 to 1; k: feedback passages. Δ: mean over queries of the difference from no feedback, with its "
        f"95 % interval; p: paired t test over queries, corrected (Holm) for the {tests} tests of the table, the "
        f"intervals are not; {marks}. helped, hurt: queries with a higher, lower {record.primary} than without "
        "feedback; hurt by more: queries that lose by the step from the next smaller k."
        f"{several if seeds else ''}"
    )


def aligned(lines: Sequence[Sequence[Cell]]) -> list[str]:
    """The table in columns, for a terminal of any width."""
    texts = [[cell.text + cell.mark for cell in line] for line in lines]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    return [
        "  ".join([first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))])
        for first, *rest in texts
    ]


def share_text(shares: Sequence[float]) -> str:
    """Shares of queries in percent, one for each seed.

    >>> share_text([0.25]), share_text([0.25, 0.35])
    ('25.0 %', '30.0 ± 7.1 %')
    """
    mean, sd = mean_sd([100 * share for share in shares])
    return f"{mean:.1f} %" if math.isnan(sd) else f"{mean:.1f} ± {sd:.1f} %"


def passages_text(number: int) -> str:
    """A number of passages in words.

    >>> passages_text(1), passages_text(3)
    ('1 passage', '3 passages')
    """
    return "1 passage" if number == 1 else f"{number} passages"


def change_text(change: Change) -> str:
    """A change with its interval."""
    low, high = (math.nan if end is None else end for end in (change.low, change.high))
    return interval_text(change.difference, low, high, DECIMALS)


def _cells(row: FeedbackRow, primary: str, others: Sequence[str]) -> list[Cell]:
    mean, sd = mean_sd(row.scores[primary])
    spread = f" ± {sd:.{DECIMALS}f} ({len(row.seeds)})" if row.seeds[1:] else ""
    return [
        Cell(row.method, row.method),
        Cell(ABSENT if row.passages is None else str(row.passages), row.passages),
        Cell(f"{mean:.{DECIMALS}f}{spread}", mean),
        *_compared(row, primary),
        *(Cell(f"{mean:.{DECIMALS}f}", mean) for mean, _ in (mean_sd(row.scores[name]) for name in others)),
    ]


def _compared(row: FeedbackRow, primary: str) -> list[Cell]:
    absent = Cell(ABSENT, None)
    if row.change is None:
        return [absent] * 5
    found = row.change[primary]
    return [
        Cell(change_text(found), found.difference),
        Cell(p_text(found.p_holm), found.p_holm, mark(found.p_holm)),
        *(absent if shares is None else _share(shares) for shares in (found.helped, found.hurt, row.hurt_by_more)),
    ]


def _share(shares: Sequence[float]) -> Cell:
    return Cell(share_text(shares), mean_sd(shares)[0])
