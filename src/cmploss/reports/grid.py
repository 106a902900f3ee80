"""The report of a grid: every cell with its sentence and table, and how scores change from cell to cell."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from cmploss.experiment import RunRecord
from cmploss.experiment.condition import Condition
from cmploss.experiment.grouping import comparisons_of, one_benchmark, shared_words
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
    pages: Mapping[Condition, str] | None = None,
    failures: Mapping[str, str] | None = None,
) -> str:
    """A page about the runs of a grid; everything on it is read from the records.

    Args:
        records: Runs of one benchmark, in any number of cells.
        baseline: Objective to compare with, in every cell.
        order: Objectives in the order of the rows.
        pages: Where the full report of a cell is, for a link.
        failures: Run → its error, for the runs that failed.

    Raises:
        UserError: The records are of several benchmarks, or those of a cell cannot be compared.
    """
    benchmark, groups, pages = one_benchmark(records), comparisons_of(records), pages or {}
    tables = tables_of(groups, baseline=baseline, order=order)
    shared = shared_words(group.condition for group in groups)
    which = f" ({escape(shared)})" if shared else ""
    sections = [
        f"# {escape(benchmark.task)}",
        f"{escape(benchmark.measure)} in percent on {escape(str(benchmark.eval_split))}, mean ± sd (runs). "
        f"{len(groups)} cells{which}, each with a comparison of its own: p-values are corrected for the comparisons "
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
        sections += [
            f"## {escape(group.name or group.condition.title)}",
            escape(in_words(table)),
            markdown_table(table),
        ]
        if group.condition in pages:
            sections.append(f"[Settings, evidence, cost and every score]({pages[group.condition]})")
    return "\n\n".join(section.strip() for section in sections) + "\n"


def write_grid_curves(
    folder: Path, records: Sequence[RunRecord], *, baseline: str | None = None, order: Iterable[str] = ()
) -> None:
    """Draw the curves of every axis into files of a folder, where :func:`grid_report` links to them."""
    benchmark, groups = one_benchmark(records), comparisons_of(records)
    tables = tables_of(groups, baseline=baseline, order=order)
    score = f"{benchmark.measure} in percent on {benchmark.eval_split}"
    for axis in axes_of(groups):
        curves = series_curves(axis_series(tables, axis))
        write_curves(folder / curve_file(axis), curves, xlabel=f"{axis.label} ({axis.fixed})", ylabel=score)


def curve_file(axis: Axis) -> str:
    """The file of the curves along an axis; its name does not depend on the other cells.

    >>> curve_file(Axis("train_size", "training examples", "no noise, 100 steps", ()))
    'curve-train_size-no-noise-100-steps.svg'
    """
    return re.sub(r"[^\w.]+", "-", f"curve-{axis.name} {axis.fixed}") + ".svg"
