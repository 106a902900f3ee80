"""The bundled helpdesk data: its form, without near-duplicates, and what its README says about it."""

import csv
import re
from collections import Counter
from functools import cache
from importlib.resources import files
from itertools import combinations
from pathlib import Path

FOLDER = Path(str(files("cmploss"))) / "data" / "helpdesk"
PER_INTENT = {"train": 16, "validation": 12, "test": 42}
INTENTS = ("access", "billing", "refund", "delivery", "bug", "how_to", "cancel", "feature_request")


@cache
def rows(part: str) -> list[list[str]]:
    with (FOLDER / f"{part}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, strict=True))


@cache
def readme() -> str:
    return (FOLDER / "README.md").read_text(encoding="utf-8")


def texts() -> list[str]:
    return [text for part in PER_INTENT for text, _ in rows(part)[1:]]


def tokens(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def overlap(one: set[str], other: set[str]) -> float:
    return len(one & other) / len(one | other)


@cache
def highest_overlap() -> tuple[float, str, str]:
    sets = [(set(tokens(text)), text) for text in texts()]
    return max((overlap(a, b), x, y) for (a, x), (b, y) in combinations(sets, 2))


def test_every_part_has_its_columns_and_its_number_of_rows_per_intent():
    for part, count in PER_INTENT.items():
        header, *examples = rows(part)
        assert header == ["text", "label"]
        assert {len(row) for row in examples} == {2}
        assert Counter(label for _, label in examples) == dict.fromkeys(INTENTS, count)


def test_readme_defines_every_intent_with_its_counts_and_the_license():
    counts = " | ".join(map(str, PER_INTENT.values()))
    rows_of = [rf"^\| `{intent}` \| .{{20,}} \| {re.escape(counts)} \|$" for intent in INTENTS]
    assert [row for row in rows_of if not re.search(row, readme(), re.MULTILINE)] == []
    assert re.findall(r"^License: (.+)$", readme(), re.MULTILINE) == ["CC0-1.0"]


def test_readme_states_the_highest_overlap_of_two_texts_which_is_below_half():
    value, one, other = highest_overlap()
    assert value < 0.5
    stated = re.search(r'^Highest overlap: (0\.\d{3})\n\n- "(.+)"\n- "(.+)"$', readme(), re.MULTILINE)
    assert stated is not None
    assert stated[1] == f"{value:.3f}"
    assert {stated[2], stated[3]} == {one, other}
