"""Reports: what the records of several runs say, in numbers, tables and words; reads records only."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.reports.curves import CONTEXT_SIZE, DROPOUT_POWER, Curve
    from cmploss.reports.figures import draw_vectors, silhouette, write_curves
    from cmploss.reports.latex import latex_table, latex_text
    from cmploss.reports.markdown import markdown_report
    from cmploss.reports.table import ComparisonTable, Row, comparison_table
    from cmploss.reports.table_text import footnote, markdown_table, rich_table
    from cmploss.reports.verdict import Verdict, in_words

__all__ = [
    "CONTEXT_SIZE",
    "DROPOUT_POWER",
    "ComparisonTable",
    "Curve",
    "Row",
    "Verdict",
    "comparison_table",
    "draw_vectors",
    "footnote",
    "in_words",
    "latex_table",
    "latex_text",
    "markdown_report",
    "markdown_table",
    "rich_table",
    "silhouette",
    "write_curves",
]

import_when_used(__name__)
