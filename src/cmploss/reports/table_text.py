"""The comparison table in Markdown and for a terminal."""

from collections.abc import Callable

from rich.table import Table
from rich.text import Text

from cmploss.reports.formatting import MARKS, cost_text, difference_text, escape, mark, markdown_grid, mean_text, p_text
from cmploss.reports.table import ComparisonTable, Row


def markdown_table(table: ComparisonTable) -> str:
    """The table in Markdown, with a footnote where a test is shown."""
    header, *rows = _grid(table, escape)
    simple = len(table.references)
    slanted = [[f"*{name}*", *cells] for name, *cells in rows[:simple]]
    text = markdown_grid([header, *slanted, *rows[simple:]])
    return f"{text}\n{escape(footnote(table))}\n" if footnote(table) else text


DAGGER = "†"
REFERENCES = {
    "probe": "logistic or ridge regression on the frozen encoder",
    "tfidf": "the same on TF-IDF weights of words and word pairs",
}


def footnote(table: ComparisonTable) -> str:
    """Explains the p-values, marks and reference rows that the table has; "" without any."""
    return " ".join(filter(None, [_tests(table), _references(table), _not_converged(table), _unfinished(table)]))


def _not_converged(table: ComparisonTable) -> str:
    found = [f"{row.objective} ({', '.join(row.not_converged)})" for row in table.rows if row.not_converged]
    return f"{DAGGER} not converged: {'; '.join(found)}." if found else ""


def _unfinished(table: ComparisonTable) -> str:
    names = [row.objective for row in table.rows if not row.n]
    return f"Without a finished run: {', '.join(names)}." if names else ""


def _references(table: ComparisonTable) -> str:
    if not table.references:
        return ""
    names = list(dict.fromkeys(run.objective["name"] for row in table.references for run in row.runs.values()))
    said = "; ".join(f"{name}: {REFERENCES[name]}" for name in names if name in REFERENCES)
    return f"Reference rows on the same samples, not tested: {said or ', '.join(names)}."


def _tests(table: ComparisonTable) -> str:
    family = table.family
    if family.method == "none":
        return ""
    test = {
        "max-t": f"Dunnett's test with {table.units} as blocks",
        "Holm": f"paired t tests over {table.units}, Holm's correction",
    }[family.method]
    if len(family.comparisons) == 1:
        test = f"paired t test over {table.units}"
    if table.benchmark.unit == "fold":
        test += ", corrected for resampling (Nadeau and Bengio 2003)"
    marks = ", ".join(f"{sign} p < {level:g}".replace("0.", ".") for level, sign in MARKS.items())
    joint = "simultaneous " if family.simultaneous else ""
    return f"p and {joint}intervals: {test}; {marks}."


_NAME = 20  # longer names fold in a narrow terminal, and do not stand in a heading


def rich_table(table: ComparisonTable) -> Table:
    """The table for a terminal."""
    header, *rows = _grid(table, str)
    shown = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    width = min(max(len(row[0]) for row in rows), _NAME)
    for place, name in enumerate(header):  # Text, because rich reads markup in a string
        shown.add_column(Text(name), overflow="fold", no_wrap=place > 0, min_width=None if place else width)
    for number, cells in enumerate(rows, 1):
        shown.add_row(*map(Text, cells))
        if number == len(table.references):
            shown.add_row("─" * width)
    return shown


def pairs_text(row: Row) -> str:
    """The number of pairs of a difference, if it is below the number of runs; else "".

    >>> from cmploss.experiment.statistics import PairedDifference
    >>> pairs_text(Row("scl", 81.0, 1.41, 5, PairedDifference(1.2, -0.3, 2.7, None, 4), 9.0, 1.0, {}))
    ' (4 pairs)'
    """
    if row.difference is None or row.values is not None or row.difference.n == row.n:
        return ""
    return f" ({row.difference.n} pair{'s' * (row.difference.n > 1)})"


def _grid(table: ComparisonTable, name: Callable[[str], str]) -> list[list[str]]:
    """Header and cells; ``name`` escapes names for the output format."""
    baseline = name(table.baseline) if len(table.baseline) <= _NAME else "baseline"
    header = ["objective", name(table.benchmark.measure), f"Δ {baseline} [95 % CI]", "p", "s/run"]
    return [header] + [
        [
            name(row.objective) + (f" {DAGGER}" if row.not_converged else ""),
            mean_text(row.mean, row.sd, row.n),
            difference_text(row.difference) + pairs_text(row),
            p_text(row.corrected) + name(mark(row.corrected)),
            cost_text(row.seconds),
        ]
        for row in (*table.references, *table.rows)
    ]
