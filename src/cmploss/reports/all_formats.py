"""The report about one or several studies, in each of its formats."""

from collections.abc import Sequence
from typing import Literal

from cmploss.reports.html.page import report_page
from cmploss.reports.latex import latex_table, latex_text
from cmploss.reports.markdown import markdown_report
from cmploss.reports.several_data import SeveralData, several_data, several_markdown
from cmploss.reports.study_runs import StudyRuns
from cmploss.reports.table import MARGIN

Format = Literal["html", "md", "latex"]


def report_text(
    studies: Sequence[StudyRuns],
    form: Format,
    *,
    baseline: str | None = None,
    order: Sequence[str] = (),
    margin: float = MARGIN,
) -> str:
    """The report as text: what the studies show over several data sets, if there are some, then each study.

    Args:
        studies: Read by :func:`cmploss.reports.html.read_study`.
        form: ``html``, ``md`` or ``latex``.
        baseline: Objective to compare with.
        order: Objectives in the order of the rows.
        margin: Points within which two objectives count as the same.
    """
    if form == "html":
        return report_page(studies, baseline=baseline, order=order, margin=margin)
    found = [(study, study.tables(baseline=baseline, order=order, margin=margin)) for study in studies]
    texts = [markdown_report(study, of) if form == "md" else latex_text(study.title, of) for study, of in found]
    together = several_data(table for _, tables in found for table in tables.values())
    if together:
        in_latex = f"% {together.title}\n{latex_table(together.table, words=' '.join(together.sentences))}"
        texts.insert(0, several_markdown(together) if form == "md" else in_latex)
    return "\n".join(texts)


def over_data_sets(
    studies: Sequence[StudyRuns], *, baseline: str | None = None, order: Sequence[str] = (), margin: float = MARGIN
) -> SeveralData | None:
    """What the studies show together; None for one data set."""
    tables = [study.tables(baseline=baseline, order=order, margin=margin) for study in studies]
    return several_data(table for of in tables for table in of.values())
