"""A summary of the tables of several conditions."""

from collections.abc import Mapping

from cmploss.experiment.statistics.family import ALPHA, MIN_BLOCKS
from cmploss.reports.formatting import join_words
from cmploss.reports.table import ComparisonTable


def over_all(tables: Mapping[str, ComparisonTable]) -> str:
    """In how many conditions an objective is better or worse than the baseline, in sentences.

    p is adjusted within the table of a condition, and multiplied by the number of conditions with a test (Bonferroni).
    """
    tested = {name: table for name, table in tables.items() if table.family.method != "none"}
    units = next(iter(tables.values())).units
    if not tested:
        return f"None of {len(tables)} conditions has a test, which needs {MIN_BLOCKS} {units}."
    baselines = list(dict.fromkeys(table.baseline for table in tables.values()))
    base = baselines[0] if len(baselines) == 1 else f"its baseline ({join_words(baselines, 'or')})"
    better, worse = (_marked(tested, sign) for sign in (1, -1))
    count = f"{len(better)} of {len(tables)}" if better else f"none of {len(tables)}"
    names = f": {'; '.join(better)}" if better else ""
    sentences = [f"An objective is better than {base} in {count} conditions{names}."]
    if worse:
        sentences.append(f"Worse: {'; '.join(worse)}.")
    if len(tested) < len(tables):
        sentences.append(f"Conditions without a test, which needs {MIN_BLOCKS} {units}: {len(tables) - len(tested)}.")
    sentences.append(f"Corrected over the {len(tested)} conditions with a test.")
    return " ".join(sentences)


def _marked(tables: Mapping[str, ComparisonTable], sign: int) -> list[str]:
    found = {
        name: [
            row
            for row, pair in table.family.comparisons.items()
            if pair.adjusted is not None and pair.adjusted * len(tables) < ALPHA and sign * pair.mean > 0
        ]
        for name, table in tables.items()
    }
    return [f"{', '.join(rows)} ({name})" for name, rows in found.items() if rows]
