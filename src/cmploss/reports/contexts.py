"""How scores change with the number of paragraphs per question: a table, from records."""

import re
from collections.abc import Sequence

from cmploss.records import RunRecord
from cmploss.reports.series import series_grid

Contexts = dict[str, dict[float, list[float]]]


def context_part(part: str, size: int) -> str:
    """What a record calls a part that is read with that many paragraphs per question.

    >>> context_part("test", 4)
    'test_4_paragraphs'
    """
    return f"{part}_{size}_paragraphs"


def context_scores(records: Sequence[RunRecord], order: Sequence[str]) -> Contexts:
    """Objective → paragraphs per question → the primary measure of every run; {} where no run has any."""
    found: Contexts = {}
    for objective in order:
        for record in records:
            for part, scores in record.scores.items():
                match = re.fullmatch(rf"{record.data['reported_on']}_(\d+)_paragraphs", part)
                if match and record.objective == objective:
                    found.setdefault(objective, {}).setdefault(int(match[1]), []).append(scores[record.measure])
    return found


def context_grid(contexts: Contexts) -> str:
    """A table in Markdown: objectives × paragraphs per question, mean ± sd (runs)."""
    sizes = sorted({size for of in contexts.values() for size in of})
    return series_grid(contexts, {size: f"{size} paragraphs" if size > 1 else "1 paragraph" for size in sizes})
