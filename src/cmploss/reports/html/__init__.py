"""The report as one self-contained HTML page."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.reports.html.page import report_page as report_page
    from cmploss.reports.study_runs import StudyRuns as StudyRuns, read_study as read_study

import_when_used(__name__)
