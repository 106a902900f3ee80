"""The page about studies of training runs."""

from collections.abc import Sequence
from pathlib import Path

from cmploss.atomic import write_text
from cmploss.experiment import RunRecord
from cmploss.reports.html.context import StudyRuns, read_study, slots_of, study_view
from cmploss.reports.html.render import render
from cmploss.reports.table import MARGIN


def write_report(
    folder: Path,
    records: Sequence[RunRecord],
    path: Path,
    *,
    baseline: str | None = None,
    margin: float = MARGIN,
) -> None:
    """Write the page about one study; an earlier one is replaced.

    Args:
        folder: Of the study: texts of its examples and ``embeddings.svg`` are taken from there, where they are.
        records: Its runs; what cannot be compared with one another becomes sections of its own.
        path: Of the page.
        baseline: Objective to compare with, by default ``supervised``, else another baseline, else the first.
        margin: Points within which two objectives count as the same.

    Raises:
        UserError: No records, or some that cannot be compared.
    """
    write_page([read_study(folder, records)], path, baseline=baseline, margin=margin)


def write_page(
    studies: Sequence[StudyRuns], path: Path, *, baseline: str | None = None, margin: float = MARGIN
) -> None:
    """Write the page about several studies side by side."""
    write_text(path, report_page(studies, baseline=baseline, margin=margin))


def report_page(studies: Sequence[StudyRuns], *, baseline: str | None = None, margin: float = MARGIN) -> str:
    """The page as text; what a record says is escaped."""
    slots = slots_of(studies)
    views = [
        study_view(study, number, slots, baseline=baseline, margin=margin, share=len(studies))
        for number, study in enumerate(studies)
    ]
    title = views[0].title if len(views) == 1 else " · ".join(view.title for view in views)
    heading = title if len(views) == 1 else f"{len(views)} studies side by side"
    return render("studies.html", slots, title=title, heading=heading, studies=views)
