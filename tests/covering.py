"""Covering arrays: as few cases as show every pair of values, in place of the full product."""

from collections.abc import Iterable
from itertools import combinations
from typing import Any


def pairwise(cases: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Some of ``cases`` that hold every pair of values (at two positions) that any of them holds."""
    cases = list(cases)

    def pairs(case: tuple[Any, ...]) -> set[Any]:
        return set(combinations(enumerate(map(repr, case)), 2))

    missing = set().union(*map(pairs, cases))
    chosen = []
    while missing:
        best = max(cases, key=lambda case: len(pairs(case) & missing))
        chosen.append(best)
        missing -= pairs(best)
    return chosen
