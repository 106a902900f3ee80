"""Which noise, and how much of it."""

import math
from dataclasses import dataclass

from cmploss.errors import UserError

NOISES = {
    "none": None,
    "label": "RATE",
    "label_class": "RATE",
    "typo": "RATE",
    "drop": "RATE",
    "swap": "RATE",
    "text": "RATE",
    "back_translation": "TEMPERATURE",
}
"""Kind of noise -> what its number is:

- ``label``: this share of the examples gets the label of another class, each as likely.
- ``label_class``: this share gets the label of the next class (by id, the first after the last).
- ``typo``, ``drop``, ``swap``: each word is misspelt, left out, or exchanged with its neighbour at this probability.
- ``text``: all three, each at a third of the probability.
- ``back_translation``: every text is translated to and fro, sampled at this temperature.
"""


@dataclass(frozen=True)
class Noise:
    """A kind of noise and its level; ``str`` gives it as on the command line.

    Attributes:
        kind: A key of ``NOISES``.
        level: The rate in (0, 1], or the temperature above 0; 0 for ``none``.

    Raises:
        UserError: An unknown kind, or a level out of range.
    """

    kind: str = "none"
    level: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in NOISES:
            known = ", ".join(f"{kind}:{number}" if number else kind for kind, number in NOISES.items())
            raise UserError(f"--noise {self.kind!r} is unknown; choose from {known}")
        number = NOISES[self.kind]
        if number is None and self.level != 0:
            raise UserError(f"--noise {self.kind} takes no number; leave {self.level:g} out")
        if number == "RATE" and not 0 < self.level <= 1:
            raise UserError(f"--noise {self.kind}:{self.level:g} is out of range; give a rate above 0, up to 1")
        if number == "TEMPERATURE" and not 0 < self.level < math.inf:
            raise UserError(f"--noise {self.kind}:{self.level:g} is out of range; give a temperature above 0")

    def __str__(self) -> str:
        return self.kind if NOISES[self.kind] is None else f"{self.kind}:{self.level:g}"


def parse_noise(text: str) -> Noise:
    """Read one noise, as in ``label:0.2``, ``back_translation:0.7`` or ``none``.

    Raises:
        UserError: An unknown kind, or a number that is missing, no number, or out of range.

    >>> parse_noise("label:0.20")
    Noise(kind='label', level=0.2)
    >>> str(parse_noise("label:0.20"))
    'label:0.2'
    """
    kind, colon, number = (part.strip() for part in text.partition(":"))
    wanted = NOISES.get(kind)
    if not colon and wanted is None:
        return Noise(kind)
    try:
        level = float(number)
    except ValueError:
        raise UserError(f"--noise {text}: {number!r} is no number; write {kind}:{wanted or 'NUMBER'}") from None
    return Noise(kind, level)
