"""The comparisons of a study in Markdown: verdict, table and notes of each, and scores over what varies."""

from collections.abc import Iterable, Mapping, Sequence

from cmploss.experiment import RunRecord
from cmploss.experiment.grouping import Comparison, comparisons_of
from cmploss.reports.axes import axes_of, axis_series
from cmploss.reports.curves import series_grid
from cmploss.reports.extra_tables import label_errors
from cmploss.reports.formatting import escape, markdown_grid
from cmploss.reports.table import MARGIN, ComparisonTable, tables_of
from cmploss.reports.table_text import markdown_table
from cmploss.reports.verdict import in_words


def markdown_report(
    records: Sequence[RunRecord],
    *,
    title: str | None = None,
    baseline: str | None = None,
    order: Iterable[str] = (),
    failures: Mapping[str, str] | None = None,
    margin: float = MARGIN,
    references: Iterable[RunRecord] = (),
    looks: int = 0,
) -> str:
    """The verdict, the table and the notes of every comparison among some runs.

    Args:
        records: Runs of any number of benchmarks and conditions.
        title: Heading, the name of the task by default.
        baseline: Objective to compare with.
        order: Objectives in the order of the rows; by default the baselines come first.
        failures: Run -> its error, for the runs that failed.
        margin: Points within which two objectives count as the same.
        references: Simple models trained on the same samples.
        looks: How often the tables were made with fewer seeds.

    Raises:
        UserError: There are no records, or runs of one condition cannot be compared.
    """
    comparisons = comparisons_of(records, references)
    tables = tables_of(comparisons, baseline=baseline, order=order, margin=margin, looks=looks)
    sections = [f"# {escape(title or records[0].benchmark.task)}"]
    if failures:
        lines = [f"- {escape(run)}: {escape(error)}" for run, error in failures.items()]
        sections += ["## Failed runs", "\n".join(lines)]
    for axis in axes_of(comparisons):
        sections += [f"## {escape(axis.title)}", series_grid(axis_series(tables, axis))]
    for comparison in comparisons:
        sections += _sections(comparison, tables[comparison.name])
    return "\n\n".join(section.strip() for section in sections if section) + "\n"


def _sections(comparison: Comparison, table: ComparisonTable) -> list[str]:
    benchmark, size = comparison.benchmark, comparison.condition.train_size
    about = [
        f"{benchmark.measure} in percent on {benchmark.eval_split}, mean ± sd (runs)",
        f"selected on {benchmark.selection_split}" if benchmark.selection_split else "nothing was selected",
        "all training examples" if size is None else f"samples of {size} training examples",
        f"differences over the {table.units} that both objectives have",
    ]
    notes = dict.fromkeys(note for run in comparison.records for note in run.data.get("notes") or ())
    return [
        f"## {escape(comparison.name)}" if comparison.name else "",
        escape(in_words(table)),
        markdown_table(table),
        _errors(table),
        escape(f"{'; '.join(about)}."),
        "\n".join(f"- {escape(note)}" for note in notes),
    ]


def _errors(table: ComparisonTable) -> str:
    """MAE and RMSE of a regression; "" for other tasks."""
    found = label_errors(table)
    if not found:
        return ""
    names = [escape(row.objective) for row in table.rows]
    rows = [list(cells) for cells in zip(names, *found.values(), strict=True)]
    return markdown_grid([["objective", *(f"{name} (unit of the labels)" for name in found)], *rows])
