"""Noise, condition and benchmark of a run, as plain data."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from cmploss.errors import UserError

SELECTION_SPLIT: Final = "validation"
"""The split on which runs, checkpoints and thresholds are chosen."""
NO_NOISE = "none"
NOISES = {
    NO_NOISE: None,
    "label": "RATE",
    "label_class": "RATE",
    "typo": "RATE",
    "drop": "RATE",
    "swap": "RATE",
    "text": "RATE",
    "back_translation": "TEMPERATURE",
}
"""Kind of noise -> what its level is:

- ``label``: this share of the examples gets the label of another class, all other classes equally likely.
- ``label_class``: this share gets the label of the next class (by id, the first after the last).
- ``typo``, ``drop``, ``swap``: each word is misspelt, dropped, or swapped with its neighbour with this probability.
- ``text``: all three, each at a third of the probability.
- ``back_translation``: every text is translated to another language and back, sampled at this temperature.
"""

Unit = Literal["seed", "fold", "query", "example", "data set"]
"""How two objectives are paired: by runs of one seed, or of one fold of the same examples; by values of one query or
example (averaged over seeds); or, over several studies, by their means on one data set."""


@dataclass(frozen=True)
class Noise:
    """A kind of noise and its level; ``str`` gives it as on the command line.

    Attributes:
        kind: A key of :data:`NOISES`.
        level: The rate in (0, 1], or the temperature above 0; 0 for ``none``.

    Raises:
        UserError: For an unknown kind, or a level out of range.
    """

    kind: str = NO_NOISE
    level: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in NOISES:
            known = ", ".join(f"{kind}:{number}" if number else kind for kind, number in NOISES.items())
            raise UserError(f"--noise {self.kind!r} is unknown; choose from {known}")
        number = NOISES[self.kind]
        if number is None and self.level != 0:
            raise UserError(f"--noise {self.kind} takes no number; remove {self.level:g}")
        if number == "RATE" and not 0 < self.level <= 1:
            raise UserError(f"--noise {self.kind}: the rate must be in (0, 1], got {self.level:g}")
        if number == "TEMPERATURE" and not 0 < self.level < math.inf:
            raise UserError(f"--noise {self.kind}: the temperature must be > 0, got {self.level:g}")

    def __str__(self) -> str:
        return self.kind if NOISES[self.kind] is None else f"{self.kind}:{self.level:g}"

    @classmethod
    def parse(cls, text: str) -> "Noise":
        """Read one noise, as in ``label:0.2``, ``back_translation:0.7`` or ``none``.

        >>> Noise.parse("label:0.20")
        Noise(kind='label', level=0.2)
        >>> str(Noise.parse("label:0.20"))
        'label:0.2'
        """
        kind, colon, number = (piece.strip() for piece in text.partition(":"))
        wanted = NOISES.get(kind)
        if not colon and wanted is None:
            return cls(kind)
        try:
            level = float(number)
        except ValueError:
            raise UserError(f"--noise {text}: {number!r} is not a number; write {kind}:{wanted or 'NUMBER'}") from None
        return cls(kind, level)


@dataclass(frozen=True)
class Benchmark:
    """The settings that all compared runs must share, whatever their training data.

    Attributes:
        task: Name of the task.
        measure: The primary measure; higher is better.
        eval_split: The split whose scores are reported; None if nothing is scored.
        selection_split: The split that chose the best checkpoint or run; None if nothing was chosen.
        unit: How two objectives are paired.
    """

    task: str
    measure: str
    eval_split: str | None
    selection_split: str | None = None
    unit: Unit = "seed"

    def describe(self) -> dict[str, str]:
        """Each field in words."""
        return {
            "task": self.task,
            "measure": self.measure,
            "eval_split": f"reported on {self.eval_split}",
            "selection_split": f"selected on {self.selection_split or 'nothing'}",
            "unit": f"paired by {self.unit}",
        }


@dataclass(frozen=True)
class Condition:
    """The settings that the runs of one comparison share, and that may vary within a study.

    Attributes:
        train_size: Size of the training sample; None for all examples.
        noise: Noise in the training sample.
        steps: Optimizer steps of a run; None if unknown, or not the same for every seed.
        others: Every other setting that a study varies, such as ``{"passages": 5}``.
    """

    train_size: int | None = None
    noise: Noise = field(default_factory=Noise)
    steps: int | None = None
    others: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def title(self) -> str:
        """The condition in words.

        >>> Condition(100, Noise("label", 0.2), 50).title
        '100 training examples, noise label:0.2, 50 steps'
        """
        return ", ".join(filter(None, self.describe().values()))

    def describe(self) -> dict[str, str]:
        """Each field in words; "" if it is unknown."""
        size = "all" if self.train_size is None else str(self.train_size)
        return {
            "train_size": f"{size} training examples",
            "noise": "no noise" if self.noise == Noise() else f"noise {self.noise}",
            "steps": f"{self.steps} steps" if self.steps else "",
            **{name: f"{name} {value}" for name, value in self.others.items()},
        }
