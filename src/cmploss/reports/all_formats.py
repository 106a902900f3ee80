"""The report about one or several studies, in each of its formats."""

from collections.abc import Sequence
from typing import Any, Literal

from cmploss.reports.html.page import report_page
from cmploss.reports.html.study_view import StudyRuns
from cmploss.reports.latex import latex_table, latex_text
from cmploss.reports.markdown import markdown_report
from cmploss.reports.several_data import SeveralData, several_data, several_markdown
from cmploss.reports.table import MARGIN

Format = Literal["html", "md", "latex"]


def report_text(
    studies: Sequence[StudyRuns], form: Format, *, baseline: str | None = None, margin: float = MARGIN
) -> str:
    """The report as text: what the studies show over several data sets, if there are some, then each study.

    Args:
        studies: Read by :func:`cmploss.reports.html.read_study`.
        form: ``html``, ``md`` or ``latex``.
        baseline: Objective to compare with.
        margin: Points within which two objectives count as the same.
    """
    if form == "html":
        return report_page(studies, baseline=baseline, margin=margin)
    write = markdown_report if form == "md" else latex_text
    options: dict[str, Any] = {"baseline": baseline, "margin": margin}
    texts = [
        write(study.records, title=study.title, references=study.references, looks=study.looks, **options)
        for study in studies
    ]
    together = over_data_sets(studies, baseline=baseline, margin=margin)
    if together:
        in_latex = f"% {together.title}\n{latex_table(together.table, words=' '.join(together.sentences))}"
        texts.insert(0, several_markdown(together) if form == "md" else in_latex)
    return "\n".join(texts)


def over_data_sets(
    studies: Sequence[StudyRuns], *, baseline: str | None = None, margin: float = MARGIN
) -> SeveralData | None:
    """What the studies show together; None for one data set."""
    return several_data(table for study in studies for table in study.tables(baseline, margin).values())
