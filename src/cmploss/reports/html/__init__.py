"""The report as one self-contained HTML page."""

from cmploss.reports.html.page import report_page, write_page, write_report
from cmploss.reports.html.views import StudyRuns, read_study

__all__ = ["StudyRuns", "read_study", "report_page", "write_page", "write_report"]
