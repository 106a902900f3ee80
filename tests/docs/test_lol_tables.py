"""The tables of what feedback did are those of the committed reports."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import cells_of

ROOT = Path(__file__).parents[2]
SECTIONS = {"scifact": "**SciFact**", "dl19": "**TREC DL**"}


def reported(collection):
    """Method, passages → nDCG@10 and the share of queries hurt by the last of them."""
    lines = (ROOT / "results" / f"feedback-{collection}" / "report.md").read_text(encoding="utf-8").splitlines()
    rows = [cells_of(line) for line in lines if line.startswith("| ")]
    return {(row[0], row[1]): (row[2], row[7]) for row in rows if len(row) == 12}


@pytest.mark.parametrize("collection", SECTIONS)
def test_the_docs_show_the_report(collection):
    text = (ROOT / "docs" / "methods" / "lol.md").read_text(encoding="utf-8")
    section = text.partition(SECTIONS[collection])[2]
    found = reported(collection)
    table = [cells_of(line) for line in re.search(r"(\| feedback .*?)\n\n", section, re.DOTALL)[1].splitlines()[2:]]
    assert [row[0] for row in table] == ["none", "average", "rocchio", "one", "several", "lol"]
    for method, *shown in table:
        pairs = [found.get((method, k), ("–", "–")) for k in "0123"]
        assert shown == [*(score for score, _ in pairs), *(hurt for _, hurt in pairs[1:])]
    assert f"{found['bm25', '–'][0]}." in section.partition("| feedback")[0].replace("\n", " ")
