"""The report of a whole study as text: a page or a table for each of its cells."""

from collections.abc import Sequence

from cmploss.records import RunRecord
from cmploss.reports.groups import groups_of, objectives_of
from cmploss.reports.latex import latex_table
from cmploss.reports.markdown import markdown_report
from cmploss.reports.tables import comparison_table


def markdown_text(title: str, records: Sequence[RunRecord], *, baseline: str | None = None) -> str:
    """A page of Markdown for every cell of a study, one after another.

    Raises:
        UserError: Runs of a cell cannot be compared.
    """
    return "\n".join(
        markdown_report(
            cell.records,
            title=f"{title}: {cell.name}" if cell.name else title,
            baseline=baseline or objectives_of(cell.records)[0],
            order=objectives_of(cell.records),
        )
        for cell in groups_of(records)
    )


def latex_text(title: str, records: Sequence[RunRecord], *, baseline: str | None = None) -> str:
    """A LaTeX table for every cell of a study, each below a comment that names it.

    Raises:
        UserError: Runs of a cell cannot be compared.
    """
    found = []
    for cell in groups_of(records):
        order = objectives_of(cell.records)
        table = comparison_table(cell.records, baseline=baseline or order[0], order=order)
        name = " ".join(f"{title} {cell.name}".split())
        found.append(f"% {name}\n{latex_table(table)}")
    return "\n".join(found)
