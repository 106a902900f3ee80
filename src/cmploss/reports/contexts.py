"""How scores change with the number of paragraphs per question: a table and curves, from records."""

import re
from collections.abc import Mapping, Sequence

from cmploss.records import RunRecord
from cmploss.reports.figures import Curve
from cmploss.reports.formats import escape, mean_text
from cmploss.reports.statistics import mean_sd
from cmploss.reports.tables import markdown_grid

Contexts = dict[str, dict[int, list[float]]]


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
    lines = [["objective", *(f"{size} paragraphs" if size > 1 else "1 paragraph" for size in sizes)]]
    for objective, scores in contexts.items():
        lines.append([escape(objective), *(mean_text(*_mean(scores.get(size, []))) for size in sizes)])
    return markdown_grid(lines)


def context_curves(contexts: Contexts) -> Mapping[str, Curve]:
    """A curve per objective: the mean over its runs with the standard deviation, where there are several."""
    curves = {}
    for objective, scores in contexts.items():
        sizes = sorted(scores)
        means = [_mean(scores[size]) for size in sizes]
        several = all(n > 1 for _, _, n in means)
        curves[objective] = Curve(sizes, [mean for mean, _, _ in means], [sd for _, sd, _ in means] if several else ())
    return curves


def _mean(values: Sequence[float]) -> tuple[float, float, int]:
    return (*mean_sd(values), len(values))
