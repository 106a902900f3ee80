"""Reports: what the records of several runs say, in numbers, tables and words; reads records only."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.reports.curves import (
        CONTEXT_SIZE as CONTEXT_SIZE,
        DISTRACTORS as DISTRACTORS,
        DROPOUT_POWER as DROPOUT_POWER,
        Curve as Curve,
    )
    from cmploss.reports.figures import (
        draw_vectors as draw_vectors,
        silhouette as silhouette,
        write_curves as write_curves,
    )
    from cmploss.reports.latex import latex_table as latex_table, latex_text as latex_text
    from cmploss.reports.markdown import markdown_report as markdown_report
    from cmploss.reports.table import (
        ComparisonTable as ComparisonTable,
        Row as Row,
        comparison_table as comparison_table,
    )
    from cmploss.reports.table_text import (
        footnote as footnote,
        markdown_table as markdown_table,
        rich_table as rich_table,
    )
    from cmploss.reports.verdict import Verdict as Verdict, in_words as in_words

import_when_used(__name__)
