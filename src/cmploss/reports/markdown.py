"""The comparisons of a study in Markdown: verdict, table and notes of each, and scores along each axis."""

from collections.abc import Mapping

from cmploss.experiment.grouping import Comparison
from cmploss.reports.axes import axes_of, axis_series
from cmploss.reports.curves import series_grid
from cmploss.reports.extra_tables import label_errors
from cmploss.reports.formatting import escape, markdown_grid
from cmploss.reports.study_runs import StudyRuns
from cmploss.reports.table import ComparisonTable
from cmploss.reports.table_text import markdown_table
from cmploss.reports.verdict import in_words


def markdown_report(study: StudyRuns, tables: Mapping[str, ComparisonTable]) -> str:
    """The verdict, the table and the notes of every comparison of a study, and the errors of runs that failed.

    ``tables`` are those of :meth:`cmploss.reports.study_runs.StudyRuns.tables`.
    """
    sections = [f"# {escape(study.title)}"]
    failures = [f"- {escape(run)}: {escape(error)}" for run, error in study.unfinished.items() if error]
    if failures:
        sections += ["## Failed runs", "\n".join(failures)]
    comparisons = study.comparisons
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
