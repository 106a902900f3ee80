"""Distillation inside one model: the full model teaches its submodels what it predicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cmploss.ablation.crop import CmpCrop
from cmploss.ablation.variants import Ablation
from cmploss.choices import Engine
from cmploss.objectives.base import ObjectiveOutput
from cmploss.objectives.comparative import EqualCompute
from cmploss.objectives.distill import TEMPERATURE_HELP, WEIGHT_HELP, check_distillation
from cmploss.settings import setting

if TYPE_CHECKING:
    from torch import Tensor

    from cmploss.objectives.run_plan import PassBatch


@dataclass(frozen=True, init=False, repr=False)
class SelfDistill(EqualCompute):
    """``1/(1+c) · (l_0 + Σ_{k=1..c} [(1 − α) · l_k + α · T² · KL(full ‖ k)])``: submodels learn from the full model.

    ``l_0`` is the task loss of the full model and ``l_1 … l_c`` those of its submodels. The divergence of a submodel
    is that of :class:`cmploss.Distill`; the full model is its teacher, and gets no gradient from it.

    Args:
        *ablations: As for :class:`Comparative`, without crops.
        weight: ``α`` in [0, 1].
        temperature: ``T > 0``.
        engine: As for :class:`Comparative`.

    Raises:
        ValueError: For crops, a weight outside [0, 1], a temperature that is not positive, or as :class:`Comparative`.

    Examples:
        >>> from cmploss import CmpDrop
        >>> SelfDistill(CmpDrop(1), weight=0.7)
        SelfDistill(CmpDrop(n_drop=1, p=None), weight=0.7, temperature=2.0, engine='auto')

    References:
        Zhang et al. 2019 (arXiv 1905.08094), for exits at several depths.
    """

    # The search spaces are ours.
    weight: float = setting(0.5, option="distill_weight", search=(0.5, 0.7, 0.9), help=WEIGHT_HELP)
    temperature: float = setting(2.0, option="distill_temperature", search=(1.0, 2.0, 4.0), help=TEMPERATURE_HELP)

    def __init__(self, *ablations: Ablation, weight: float = 0.5, temperature: float = 2.0, engine: Engine = "auto"):
        check_distillation(weight, temperature)
        if any(isinstance(ablation, CmpCrop) for ablation in ablations):
            raise ValueError("self_distill needs predictions for the same input; leave the crops out (n_crop=0)")
        self._set(ablations, weight=weight, temperature=temperature, engine=engine)

    def combine(self, losses: Tensor) -> Tensor:
        return (losses[..., 0] + (1 - self.weight) * losses[..., 1:].sum(-1)).mean() / losses.shape[-1]

    def score(self, passes: PassBatch) -> ObjectiveOutput:
        import torch

        from cmploss.engine.output_tree import map_tensors
        from cmploss.objectives.task_loss import distillation, divergences
        from cmploss.objectives.views import apply_mask, mean_or_zero

        base, labels, (full, *submodels) = passes.output(self.combine), passes.labels[0], passes.outputs
        if not submodels:
            return base
        teacher, between = map_tensors(full, torch.Tensor.detach), distillation(self.temperature)
        each = [divergences(passes.model, (student, teacher), labels, between) for student in submodels]
        divergence = mean_or_zero(apply_mask(torch.stack(each, dim=-1), labels))
        loss = base.loss + self.weight * len(submodels) / len(passes.outputs) * divergence
        return ObjectiveOutput(loss, base.logs | {"distillation": divergence.detach()}, base.outputs)
