"""Objectives that the study of docs/protocol.md tries on its development data; none of them is part of the package.

cmploss compare --task helpdesk --objectives supervised,comparative,benchmarks.candidates:OneSided
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from cmploss import CmpDrop
from cmploss.ablation import Variant, variants_of
from cmploss.losses.divergences import distillation_loss
from cmploss.objectives import ObjectiveOutput
from cmploss.objectives.base import MultiPassObjective
from cmploss.objectives.run_plan import PassBatch


class _OneSubmodel(MultiPassObjective):
    @property
    def variants(self) -> tuple[Variant, ...]:
        return variants_of(CmpDrop(1))


@dataclass(frozen=True)
class OneSided(_OneSubmodel):
    """The full model teaches its submodel: ``l_0 + w · KL(p_0 ‖ p_1)`` with ``p_0`` detached; for classes."""

    weight: float = 1.0

    def score(self, passes: PassBatch) -> ObjectiveOutput:
        full, ablated = (outputs.logits for outputs in passes.outputs)
        divergence = distillation_loss(ablated, full.detach()).mean()
        task = passes.output(lambda losses: losses[..., 0].mean())
        logs = task.logs | {"divergence": divergence.detach()}
        return ObjectiveOutput(task.loss + self.weight * divergence, logs, task.outputs)


@dataclass(frozen=True)
class Margin(_OneSubmodel):
    """The comparative loss with a margin: ``(l_0 + l_1 + max(0, l_0 − l_1 + m)) / 3``."""

    margin: float = 0.1

    def score(self, passes: PassBatch) -> ObjectiveOutput:
        return passes.output(self.combine)

    def combine(self, losses: Tensor) -> Tensor:
        full, ablated = losses.unbind(-1)
        return (full + ablated + torch.clamp_min(full - ablated + self.margin, 0)).mean() / 3
