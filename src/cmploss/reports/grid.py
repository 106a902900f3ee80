"""The report of a grid: every cell with its sentence and table, and how scores change from cell to cell."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from cmploss.experiment import RunRecord
from cmploss.experiment.condition import Cell, groups_of, one_subject, shared_words
from cmploss.reports.axes import Axis, axes_of, axis_series
from cmploss.reports.figures import write_curves
from cmploss.reports.formatting import escape
from cmploss.reports.markdown import failure_section
from cmploss.reports.series import series_curves, series_grid
from cmploss.reports.table import markdown_table, tables_of
from cmploss.reports.verdict import in_words


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
        records: Runs of one subject, in any number of cells.
        baseline: Objective to compare with, in every cell.
        order: Objectives in the order of the rows.
        pages: Where the full report of a cell is, for a link.
        failures: Run → its error, for the runs that failed.

    Raises:
        UserError: The records are of several subjects, or those of a cell cannot be compared.
    """
    subject, groups, pages = one_subject(records), groups_of(records), pages or {}
    tables = tables_of(groups, baseline=baseline, order=order)
    shared = shared_words(group.cell for group in groups)
    which = f" ({escape(shared)})" if shared else ""
    sections = [
        f"# {escape(subject.task)}",
        f"{escape(subject.measure)} in percent on {escape(str(subject.reported_on))}, mean ± sd (runs). {len(groups)} "
        f"cells{which}, each with a comparison of its own: p-values are corrected for the comparisons "
        "within a cell, not for the number of cells.",
        *failure_section(failures or {}),
    ]
    for axis in axes_of(groups):
        sections += [
            f"## {escape(axis.title)}",
            series_grid(axis_series(tables, axis)),
            f"![{escape(axis.label)}]({curve_file(axis)})",
        ]
    for group in groups:
        table = tables[group.name]
        sections += [f"## {escape(group.name or group.cell.title)}", escape(in_words(table)), markdown_table(table)]
        if group.cell in pages:
            sections.append(f"[Settings, evidence, cost and every score]({pages[group.cell]})")
    return "\n\n".join(section.strip() for section in sections) + "\n"


def write_grid_curves(
    folder: Path, records: Sequence[RunRecord], *, baseline: str | None = None, order: Iterable[str] = ()
) -> None:
    """Draw the curves of every axis into files of a folder, where :func:`grid_report` links to them."""
    subject, groups = one_subject(records), groups_of(records)
    tables = tables_of(groups, baseline=baseline, order=order)
    score = f"{subject.measure} in percent on {subject.reported_on}"
    for axis in axes_of(groups):
        curves = series_curves(axis_series(tables, axis))
        write_curves(folder / curve_file(axis), curves, xlabel=f"{axis.label} ({axis.fixed})", ylabel=score)


def curve_file(axis: Axis) -> str:
    """The file of the curves along an axis; its name does not depend on the other cells.

    >>> curve_file(Axis("few_shot", "training examples", "no noise, 100 steps", ()))
    'curve-few_shot-no-noise-100-steps.svg'
    """
    return re.sub(r"[^\w.]+", "-", f"curve-{axis.name} {axis.fixed}") + ".svg"
