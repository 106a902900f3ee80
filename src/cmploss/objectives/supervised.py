"""Plain fine-tuning, with or without dropout, and the base of objectives that extend another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cmploss.ablation.variants import CmpDrop, Variant
from cmploss.choices import Engine
from cmploss.objectives.base import MultiPassObjective, ObjectiveOutput
from cmploss.settings import setting

if TYPE_CHECKING:
    from torch import nn

    from cmploss.objectives.run_plan import PassBatch


@dataclass(frozen=True)
class Supervised(MultiPassObjective):
    """The mean task loss of one pass: plain fine-tuning.

    Args:
        dropout: ``True`` trains with the model's own dropout; ``False`` switches every dropout off (``no_dropout`` on
            the command line), the baseline that a comparative gain must beat, since the comparative loss always
            contains a dropout-free pass.
        p: Base rate in [0, 1) that replaces every dropout site's own.

    Raises:
        ValueError: For a rate outside [0, 1), or a rate without dropout.
    """

    dropout: bool = True
    p: float | None = setting(None, option="dropout_p", help="Base rate at every dropout site.")

    def __post_init__(self) -> None:
        if self.p is not None and not self.dropout:
            raise ValueError(f"p={self.p} is a rate of dropout; leave out dropout=False")
        CmpDrop(p=self.p)  # checks the rate

    @property
    def variants(self) -> tuple[Variant, ...]:
        return (Variant(0 if not self.dropout else None if self.p is None else 1, self.p),)

    def score(self, passes: PassBatch) -> ObjectiveOutput:
        return passes.output(lambda losses: losses.mean())


class Regularizer(MultiPassObjective):
    """An objective that takes the loss of another, its ``base``, in place of the task loss."""

    base: MultiPassObjective

    @property
    def variants(self) -> tuple[Variant, ...]:
        return self.base.variants

    @property
    def engine(self) -> Engine:
        return self.base.engine

    @property
    def by_example(self) -> bool:
        return self.base.by_example

    def forward(self, model: nn.Module, inputs: Mapping[str, Any]) -> Any:
        return self.base.forward(model, inputs)
