"""Reading a verdict's sentences as a person would, and checking every claim against the table."""

import math
import re

from cmploss.reports.table import ComparisonTable
from cmploss.reports.verdict import Verdict


def names_in(text: str) -> list[str]:
    """``a, b and c`` → its names."""
    return re.split(r", | and ", text)


def claims_of(sentences: list[str]) -> dict[str, list[str]]:
    """Kind of claim → the rows that it is made of."""
    patterns = {
        "better": r"Better than \S+: (.*)\.",
        "worse": r"Worse than \S+: (.*)\.",
        "equivalent": r"The same as \S+ within [\d.]+ points?: (.*)\.",
        "not shown": r"No significant difference from \S+: (.*)\.",
        "too few": r"Too few shared seeds or no variation, so no test against \S+: (.*)\.",
        "highest": r"Highest mean: (?:a tie of )?(.*?) ?(?:\(|at )[\d.]+\)?\.",
    }
    found: dict[str, list[str]] = {}
    for sentence in sentences:
        for kind, pattern in patterns.items():
            if match := re.fullmatch(pattern, sentence):
                text = re.sub(r" by [\d.]+ points \([^)]*\)", "", match[1])
                found[kind] = names_in(text)
    return found


def contradictions(table: ComparisonTable) -> list[str]:
    """What the sentences say and the table does not, and the other way round."""
    verdict = Verdict(table)
    claims = claims_of(verdict.sentences)
    rows = {row.objective: row for row in table.rows}
    faults = []
    printed = {name: f"{row.mean:.1f}" for name, row in rows.items() if not math.isnan(row.mean)}
    if printed:
        top = max(map(float, printed.values()))
        if sorted(claims.get("highest", [])) != sorted(name for name, mean in printed.items() if float(mean) == top):
            faults.append(f"highest: {claims.get('highest')}, table {printed}")
    for name, row in rows.items():
        if name == table.baseline:
            continue
        said = [kind for kind in claims if kind != "highest" and name in claims[kind]]
        starred = row.corrected is not None and row.corrected < 0.05
        if row.difference is None:
            expected: list[str] = []
        elif row.corrected is None:
            expected = ["too few"]
        elif starred:
            expected = ["better" if row.difference.mean > 0 else "worse"]
        else:
            expected = ["equivalent" if row.difference.equivalent(table.margin) else "not shown"]
        if said != expected:
            faults.append(f"{name}: said {said}, the table has {expected}")
        if row.difference is not None and row.corrected is not None and abs(row.corrected - 0.05) > 2e-3:
            excludes = row.difference.low > 0 or row.difference.high < 0
            if excludes != starred:
                faults.append(f"{name}: p = {row.corrected} beside [{row.difference.low}, {row.difference.high}]")
    if verdict.headline.startswith("No significant") and any(kind in claims for kind in ("better", "worse")):
        faults.append(f"headline {verdict.headline!r} against {claims}")
    if len(verdict.headline.split()) > 8:
        faults.append(f"headline of {len(verdict.headline.split())} words: {verdict.headline!r}")
    return faults
