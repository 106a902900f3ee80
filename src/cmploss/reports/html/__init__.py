"""The report as one self-contained HTML page."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.reports.html.context import StudyRuns, read_study
    from cmploss.reports.html.feedback import feedback_page, write_feedback_page
    from cmploss.reports.html.page import report_page, write_page, write_report

__all__ = [
    "StudyRuns",
    "feedback_page",
    "read_study",
    "report_page",
    "write_feedback_page",
    "write_page",
    "write_report",
]

import_when_used(__name__)
