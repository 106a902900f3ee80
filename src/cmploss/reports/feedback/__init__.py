"""What the record of an evaluation of feedback says: table, words, Markdown and LaTeX."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.reports.feedback.table import Cell, about, aligned, feedback_table
    from cmploss.reports.feedback.text import feedback_latex, feedback_markdown, feedback_settings
    from cmploss.reports.feedback.words import QUESTION, feedback_words

__all__ = [
    "QUESTION",
    "Cell",
    "about",
    "aligned",
    "feedback_latex",
    "feedback_markdown",
    "feedback_settings",
    "feedback_table",
    "feedback_words",
]

import_when_used(__name__)
