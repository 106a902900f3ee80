"""Plain fine-tuning, with or without dropout, and what other objectives add to it."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from cmploss.ablation import CmpDrop, Variant
from cmploss.objectives.base import Outcome, Passes, PassObjective


class Supervised(PassObjective):
    """The mean task loss of one pass: plain fine-tuning.

    Args:
        dropout: ``True`` trains with the model's own dropout; ``False`` switches every dropout off (``no_dropout`` on
            the command line), the baseline that a comparative gain must beat, since the comparative loss always
            contains a dropout-free pass.
        p: Base rate in [0, 1) that replaces every dropout site's own.

    Raises:
        ValueError: For a rate outside [0, 1), or one without dropout.
    """

    def __init__(self, dropout: bool = True, p: float | None = None):
        if p is not None and not dropout:
            raise ValueError(f"p={p} is a rate of dropout; leave out dropout=False")
        self.dropout = dropout
        self.p = CmpDrop(p=p).p
        self.variants = (Variant(0 if not dropout else None if p is None else 1, p),)

    def __repr__(self) -> str:
        return f"Supervised({self.options('dropout', *(['p'] if self.p is not None else []))})"

    def score(self, passes: Passes) -> Outcome:
        """The mean task loss."""
        return passes.outcome(Tensor.mean)


class Term(PassObjective):
    """An objective that takes the loss of another, its base, in place of the task loss.

    Args:
        base: The other objective; by default ``Supervised()``.
    """

    def __init__(self, base: PassObjective | None):
        self.base = base or Supervised()
        self.variants = self.base.variants
        self.engine = self.base.engine

    def forward(self, model: nn.Module, inputs: Mapping[str, Any]) -> Any:
        """A pass of the base."""
        return self.base.forward(model, inputs)
