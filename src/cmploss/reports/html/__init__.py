"""The report as one self-contained HTML page."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.reports.html.page import report_page, write_report
    from cmploss.reports.html.study_view import StudyRuns, read_study

__all__ = [
    "StudyRuns",
    "read_study",
    "report_page",
    "write_report",
]

import_when_used(__name__)
