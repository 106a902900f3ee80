"""Plain fine-tuning, with or without dropout."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from cmploss.ablation import Variant
from cmploss.objectives.base import Outcome, outcome_of
from cmploss.objectives.task_loss import TaskLoss


@dataclass(frozen=True)
class Supervised:
    """The mean task loss of one pass: plain fine-tuning.

    Args:
        dropout: ``True`` trains with the model's own dropout; ``False`` switches every dropout off (``no_dropout`` on
            the command line), the baseline that a comparative gain must beat, since the comparative loss always
            contains a dropout-free pass.
    """

    dropout: bool = True

    @property
    def variants(self) -> tuple[Variant, ...]:
        """One pass."""
        return (Variant(power=None if self.dropout else 0),)

    def __call__(self, model: nn.Module, batch: Mapping[str, Any], task_loss: TaskLoss | None = None) -> Outcome:
        """Run the pass; see :class:`cmploss.objectives.Objective`."""
        return outcome_of(model, batch, task_loss, variants=self.variants, combine=Tensor.mean)
