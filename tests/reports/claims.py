"""Reading a verdict's sentences as a person would, and checking every claim against the table."""

import math
import re

from cmploss.reports.several_data import SeveralData
from cmploss.reports.table import ComparisonTable
from cmploss.reports.verdict import Verdict, in_words


def names_in(text: str) -> list[str]:
    """``a, b and c`` → its names."""
    return re.split(r", | and ", text)


def claims_of(sentences: list[str]) -> dict[str, list[str]]:
    """Kind of claim → the rows that it is made of."""
    patterns = {
        "better": r"Better than \S+: (.*)\.",
        "worse": r"Worse than \S+: (.*)\.",
        "equivalent": r"Equivalent to \S+ within [\d.]+ points?: (.*)\.",
        "not shown": r"No significant difference from \S+: (.*)\.",
        "too few": r"Too few shared (?:seeds|data sets) or no variation, so no test against \S+: (.*)\.",
        "highest": r"Highest mean: (?:a tie of )?(.*?) ?(?:\(|at )[\d.]+\)?\.",
    }
    found: dict[str, list[str]] = {}
    for sentence in sentences:
        for kind, pattern in patterns.items():
            if match := re.fullmatch(pattern, sentence):
                text = re.sub(r" by [\d.]+ points \([^)]*\)", "", match[1])
                found[kind] = names_in(text)
    return found


PLAIN = {
    "better": (
        r"(?P<names>.*) scores? higher than (?P<base>\S+) by more than chance between (?:seeds|data sets) explains\."
    ),
    "worse": r"(?P<names>.*) scores? lower than (?P<base>\S+), and no objective scores higher by more than chance\.",
    "equivalent": r"(?P<names>.*) scores? within (?P<margin>[\d.]+) points? of (?P<base>\S+): cost may decide\.",
    "not shown": (
        r"Chance may explain how (?P<names>.*) differs? from (?P<base>\S+?)"
        r"(?:; a true difference of (?P<power>[\d.]+) points would show in four of five such studies)?\."
    ),
    "too few": r"The differences are not tested: a test takes 3 shared (?:seeds|data sets) whose scores vary\.",
    "no score": r"No score is shared with (?P<base>\S+)\.",
}


def _plain_faults(verdict: Verdict, claims: dict[str, list[str]]) -> list[str]:
    """What the plain sentence says and the other sentences do not."""
    table, plain = verdict.table, verdict.plain
    if len(table.rows) == 1:
        return [] if plain == in_words(table) else [f"plain: {plain!r} of one row"]
    read = {kind: match for kind, pattern in PLAIN.items() if (match := re.fullmatch(pattern, plain))}
    if len(read) != 1:
        return [f"plain: {plain!r} is read as {list(read)}"]
    ((kind, match),) = read.items()
    said = match.groupdict()
    faults = []
    if said.get("names") and sorted(names_in(said["names"])) != sorted(claims.get(kind, [])):
        faults.append(f"plain: {plain!r} next to {claims}")
    if said.get("base") not in (None, table.baseline):
        faults.append(f"plain: {plain!r} of the baseline {table.baseline}")
    if said.get("power") not in (None, f"{table.family.detectable:.1f}"):
        faults.append(f"plain: {plain!r} with {table.family.detectable}")
    order = ("better", "worse", "not shown", "equivalent", "too few")
    if kind != next((each for each in order if each in claims), "no score"):
        faults.append(f"plain: {kind} next to {claims}")
    return faults


def _small_split_faults(verdict: Verdict) -> list[str]:
    """Rows that are said to be open over other examples, against the intervals of the table."""
    said = [text for text in verdict.sentences if " split is small: " in text]
    claimed = {row.objective: row.crossed for row in verdict.table.rows if row.corrected is not None}
    expected = {
        f"{name} [{low:+.1f}, {high:+.1f}]".replace("-", "−")
        for name, (low, high) in ((name, ends) for name, ends in claimed.items() if ends is not None)
        if verdict.findings[name] in ("better", "worse") and low <= 0 <= high
    }
    found = set(re.findall(r"\S+ \[[^]]*\]", " ".join(said)))
    if found == expected and (verdict.caveats.count(*said) if said else True):
        return []
    return [f"small split: said {found}, the table has {expected}"]


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
    faults += _plain_faults(verdict, claims) + _small_split_faults(verdict)
    if verdict.headline.startswith("No significant") and any(kind in claims for kind in ("better", "worse")):
        faults.append(f"headline {verdict.headline!r} against {claims}")
    if len(verdict.headline.split()) > 8:
        faults.append(f"headline of {len(verdict.headline.split())} words: {verdict.headline!r}")
    return faults


def several_contradictions(found: SeveralData) -> list[str]:
    """What the sentences about several data sets say and the tables do not, and the other way round."""
    table, ranks = found.table, found.ranks
    start, _, rest = found.sentence.removesuffix(".").partition(": ")
    *clauses, ranked = rest.split("; ")
    said = claims_of([f"{clause[0].upper()}{clause[1:]}." for clause in clauses])
    whole = {kind: names for kind, names in claims_of(Verdict(table).sentences).items() if kind != "highest"}
    faults = contradictions(table)
    count = len(next(row for row in table.rows if row.objective == table.baseline).paired)
    if said != whole or start != f"Over {count} data set{'s' * (count > 1)}":
        faults.append(f"{found.sentence!r} next to {whole} over {count}")
    above = {
        (better, name)
        for clause in re.findall(r"(\S+) is above (.*?)(?:, (?=\S+ is above)|$)", ranked.split("), ")[-1])
        for better, names in [clause]
        for name in names_in(names)
    }
    tested = ranks.blocks >= 3 and len(ranks.means) >= 3
    gap = ranks.critical_difference
    expected = {
        (a, b)
        for a, high in ranks.means.items()
        for b, low in ranks.means.items()
        if tested and ranks.p is not None and ranks.p < 0.05 and low - high > gap - 1e-6
    }
    kinds = {
        "ranks are not tested": not tested,
        "mean ranks do not differ": tested and ranks.p is not None and ranks.p >= 0.05,
        "by mean ranks": bool(expected),
        "mean ranks differ": tested and ranks.p is not None and ranks.p < 0.05 and not expected,
    }
    if [kind for kind in kinds if ranked.startswith(kind)] != [kind for kind, true in kinds.items() if true]:
        faults.append(f"{ranked!r} next to {ranks}")
    if above != expected:
        faults.append(f"above: said {above}, the ranks have {expected}")
    return faults
