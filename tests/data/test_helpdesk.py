"""The bundled helpdesk data: balanced, without near-duplicates, and what its README says of it."""

import csv
import re
from collections import Counter
from functools import cache
from importlib.resources import files
from itertools import combinations, pairwise
from pathlib import Path
from statistics import median

import pytest

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


@pytest.mark.parametrize("part", PER_INTENT)
def test_columns_are_text_and_label(part):
    assert rows(part)[0] == ["text", "label"]
    assert {len(row) for row in rows(part)} == {2}


@pytest.mark.parametrize("part", PER_INTENT)
def test_every_intent_has_its_number_of_rows(part):
    assert Counter(label for _, label in rows(part)[1:]) == dict.fromkeys(INTENTS, PER_INTENT[part])


@pytest.mark.parametrize("part", PER_INTENT)
def test_rows_are_shuffled(part):
    labels = [label for _, label in rows(part)[1:]]
    same = sum(a == b for a, b in pairwise(labels))
    assert same < len(labels) / 4  # one in eight by chance; sorted labels would give nearly all


@pytest.mark.parametrize("intent", INTENTS)
def test_readme_defines_the_intent_with_its_counts(intent):
    counts = " | ".join(map(str, PER_INTENT.values()))
    assert re.search(rf"^\| `{intent}` \| .{{20,}} \| {re.escape(counts)} \|$", readme(), re.MULTILINE)


def test_texts_are_clean_single_lines():
    assert [text for text in texts() if text != " ".join(text.split()) or not text.isprintable()] == []


def test_no_text_occurs_twice():
    seen = Counter(" ".join(tokens(text)) for text in texts())
    assert [text for text, count in seen.items() if count > 1] == []


def test_no_two_texts_share_half_of_their_words():
    assert highest_overlap()[0] < 0.5, highest_overlap()


def test_readme_states_the_measured_overlap_and_its_pair():
    value, one, other = highest_overlap()
    stated = re.search(r'^Highest overlap: (0\.\d{3})\n\n- "(.+)"\n- "(.+)"$', readme(), re.MULTILINE)
    assert stated is not None
    assert stated[1] == f"{value:.3f}"
    assert {stated[2], stated[3]} == {one, other}


def test_lengths_vary():
    lengths = sorted(len(text.split()) for text in texts())
    assert lengths[0] == 3
    assert 60 <= lengths[-1] <= 70
    assert 10 <= median(lengths) <= 20
    assert sum(length <= 6 for length in lengths) >= 0.05 * len(lengths)
    assert sum(length >= 30 for length in lengths) >= 0.05 * len(lengths)


@pytest.mark.parametrize("intent", INTENTS)
def test_no_intent_is_told_by_its_length(intent):
    lengths = [len(text.split()) for part in PER_INTENT for text, label in rows(part)[1:] if label == intent]
    assert 10 <= median(lengths) <= 20
    assert min(lengths) <= 6
    assert max(lengths) >= 50


def test_no_opening_of_three_words_occurs_more_than_four_times():
    openings = Counter(tuple(tokens(text)[:3]) for text in texts())
    assert [opening for opening, count in openings.items() if count > 4] == []


def test_license_is_cc0():
    assert re.findall(r"^License: (.+)$", readme(), re.MULTILINE) == ["CC0-1.0"]
