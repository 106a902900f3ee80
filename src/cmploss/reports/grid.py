"""The report of a grid: every cell with its sentence and table, and how scores change from cell to cell."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from cmploss.records import RunRecord
from cmploss.reports.cells import Axis, Cell, axes_of, by_cell
from cmploss.reports.figures import write_curves
from cmploss.reports.formats import escape
from cmploss.reports.latex import latex_table
from cmploss.reports.markdown import failure_section
from cmploss.reports.series import Series, series_curves, series_grid
from cmploss.reports.tables import ComparisonTable, comparison_table, markdown_table
from cmploss.reports.words import in_words


def grid_report(
    records: Sequence[RunRecord],
    *,
    baseline: str | None = None,
    order: Iterable[str] = (),
    pages: Mapping[Cell, str] | None = None,
    failures: Mapping[str, str] | None = None,
) -> str:
    """A page about the runs of a grid; everything on it is read from the records.

    Args:
        records: Runs of one task, in any number of cells.
        baseline: Objective to compare with, in every cell.
        order: Objectives in the order of the rows.
        pages: Where the full report of a cell is, for a link.
        failures: Run → its error, for the runs that failed.

    Raises:
        UserError: The records of a cell cannot be compared.
    """
    order, pages = tuple(order), pages or {}
    tables = tables_of(records, baseline=baseline, order=order)
    first = next(iter(tables.values()))
    sections = [
        f"# {escape(first.task)}",
        f"{escape(first.measure)} in percent on {escape(first.reported_on)}, mean ± sd (runs). {len(tables)} cells, "
        "each with a comparison of its own: p-values are corrected for the comparisons within a cell, not for the "
        "number of cells.",
        *failure_section(failures or {}),
    ]
    for axis in axes_of(tables):
        names = {place: f"{place:g}" for place, _ in axis.points}
        sections += [
            f"## By {escape(axis.label)}: {escape(axis.fixed)}",
            series_grid(axis_series(tables, axis), names),
            f"![{escape(axis.label)}]({curve_file(axis)})",
        ]
    for cell, table in tables.items():
        sections += [f"## {escape(cell.title)}", escape(in_words(table)), markdown_table(table)]
        if cell in pages:
            sections.append(f"[Settings, evidence, cost and every score]({pages[cell]})")
    return "\n\n".join(section.strip() for section in sections) + "\n"


def grid_latex(records: Sequence[RunRecord], *, baseline: str | None = None, order: Iterable[str] = ()) -> str:
    """The tables of all cells in LaTeX, each below a comment that names its cell."""
    tables = tables_of(records, baseline=baseline, order=tuple(order))
    return "\n".join(f"% {cell.title}\n{latex_table(table)}" for cell, table in tables.items())


def tables_of(
    records: Sequence[RunRecord], *, baseline: str | None = None, order: Sequence[str] = ()
) -> dict[Cell, ComparisonTable]:
    """The comparison of every cell."""
    cells = by_cell(records)
    return {cell: comparison_table(runs, baseline=baseline, order=order) for cell, runs in cells.items()}


def axis_series(tables: Mapping[Cell, ComparisonTable], axis: Axis) -> Series:
    """The scores of every objective along an axis."""
    found: dict[str, dict[float, list[float]]] = {}
    for place, cell in axis.points:
        for row in tables[cell].rows:
            found.setdefault(row.objective, {})[place] = list(row.scores.values())
    return found


def write_grid_curves(
    folder: Path, records: Sequence[RunRecord], *, baseline: str | None = None, order: Iterable[str] = ()
) -> None:
    """Draw the curves of every axis into files of a folder, where :func:`grid_report` links to them."""
    tables = tables_of(records, baseline=baseline, order=tuple(order))
    first = next(iter(tables.values()))
    score = f"{first.measure} in percent on {first.reported_on}"
    for axis in axes_of(tables):
        curves = series_curves(axis_series(tables, axis))
        write_curves(folder / curve_file(axis), curves, xlabel=f"{axis.label} ({axis.fixed})", ylabel=score)


def curve_file(axis: Axis) -> str:
    """The file of the curves along an axis.

    >>> curve_file(Axis("few_shot", "training examples", "no noise, 100 steps", ()))
    'curve-few_shot-no-noise-100-steps.svg'
    """
    return re.sub(r"[^\w.]+", "-", f"curve-{axis.name} {axis.fixed}") + ".svg"
