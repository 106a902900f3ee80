"""The report of a whole study as text: a page or a table for each of its groups."""

from collections.abc import Iterable, Sequence

from cmploss.experiment import RunRecord
from cmploss.experiment.grouping import Comparison, comparisons_of
from cmploss.reports.latex import latex_table
from cmploss.reports.markdown import markdown_report
from cmploss.reports.objective_order import objectives_of
from cmploss.reports.table import tables_of


def markdown_text(title: str, records: Sequence[RunRecord], *, baseline: str | None = None) -> str:
    """A page of Markdown for every group of a study, one after another.

    Raises:
        UserError: Runs of a group cannot be compared.
    """
    return "\n".join(
        markdown_report(
            group.records, title=_heading(title, group), baseline=baseline, order=objectives_of(group.records)
        )
        for group in comparisons_of(records)
    )


def latex_text(
    title: str, records: Sequence[RunRecord], *, baseline: str | None = None, order: Iterable[str] = ()
) -> str:
    """A LaTeX table for every group of a study, each below a comment that names it.

    Args:
        title: Of the study.
        records: Its runs.
        baseline: Objective to compare with.
        order: Objectives in the order of the rows; by default the baselines come first.

    Raises:
        UserError: Runs of a group cannot be compared.
    """
    groups = comparisons_of(records)
    tables = tables_of(groups, baseline=baseline, order=order)
    comments = [" ".join(_heading(title, group).split()) for group in groups]
    return "\n".join(
        f"% {comment}\n{latex_table(tables[group.name])}" for comment, group in zip(comments, groups, strict=True)
    )


def _heading(title: str, group: Comparison) -> str:
    return f"{title}: {group.name}" if group.name else title
