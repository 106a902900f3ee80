"""Names of the engines."""

from typing import Literal

Engine = Literal["auto", "joint", "two_pass"]
ENGINES: tuple[Engine, ...] = ("auto", "joint", "two_pass")
