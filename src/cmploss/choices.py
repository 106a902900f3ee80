"""Options that take one of a few values. This module imports no library, so that option classes may use it."""

from collections.abc import Iterable
from typing import Literal

Reduction = Literal["mean", "sum", "none"]
Target = Literal["ultra", "first", "best"]
Ranking = Literal["hinge", "listmle"]
Primary = Literal["max", "mean", "full", "most_ablated"]
CropDropout = Literal["own", "off"]
ExitHeads = Literal["shared", "own"]
Engine = Literal["auto", "joint", "two_pass"]

REDUCTIONS: tuple[Reduction, ...] = ("mean", "sum", "none")
ENGINES: tuple[Engine, ...] = ("auto", "joint", "two_pass")


def check_option(name: str, value: str, allowed: Iterable[str]) -> None:
    """Raise a ``ValueError`` that lists the allowed values unless ``value`` is one of them."""
    allowed = tuple(allowed)
    if value not in allowed:
        raise ValueError(f"{name}={value!r} is unknown; allowed: {', '.join(allowed)}")
