"""The walk through the code names files that exist."""

import re

from tests.docs.pages import ROOT


def test_every_file_of_the_walk_exists():
    page = (ROOT / "docs" / "walkthrough.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w/]+\.py)`", page))
    assert len(named) > 20
    assert (
        sorted(path for path in named if not any((base / path).exists() for base in (ROOT, ROOT / "src/cmploss"))) == []
    )
