"""Names that the comparative loss takes."""

from typing import Literal

Target = Literal["ultra", "first", "best"]
Ranking = Literal["hinge", "listmle"]
