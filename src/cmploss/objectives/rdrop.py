"""R-Drop: the predictions under two draws of dropout must agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cmploss.ablation.variants import Variant
from cmploss.choices import ENGINES, Engine, check_option
from cmploss.objectives.base import MultiPassObjective, ObjectiveOutput
from cmploss.objectives.supervised import Regularizer, Supervised
from cmploss.settings import setting

if TYPE_CHECKING:
    from cmploss.objectives.run_plan import PassBatch


@dataclass(frozen=True)
class RDrop(Regularizer):
    """``½ (L + L′) + α · D``: an objective under two independent draws of dropout whose predictions must agree.

    ``L`` and ``L′`` are the losses of the base under the two draws. ``D`` is the symmetric divergence ``½ (KL(p‖p′) +
    KL(p′‖p))`` of the predictions, averaged over examples and over the passes of the base that have dropout. It is also
    averaged over the labelled tokens of an example, over start and end of an answer, and over the labels of a
    multi-label model. For regression it is the squared difference. A pass without dropout runs only once.

    Args:
        alpha: ``α ≥ 0``.
        base: The objective ``L``; by default the task loss of one pass with dropout.
        engine: How the passes are run (see :func:`cmploss.engine.engines.run_passes`).

    Raises:
        ValueError: For a negative ``α``, or a base without dropout.

    Examples:
        >>> RDrop(alpha=5.0)
        RDrop(alpha=5.0, base=Supervised(dropout=True, p=None), engine='auto')

    References:
        Liang et al. 2021 (arXiv 2106.14448); which adds the two losses, so its α acts half as strongly.
    """

    # The search space is about that of Liang et al.
    alpha: float = setting(1.0, option="alpha", search=(0.5, 1.0, 2.0, 5.0), help="Weight of the divergence in rdrop.")
    base: MultiPassObjective = Supervised()
    engine: Engine = setting("auto", option="engine", help="How the passes are run.")

    def __post_init__(self) -> None:
        check_option("engine", self.engine, ENGINES)
        if not self.alpha >= 0:
            raise ValueError(f"alpha={self.alpha} must not be negative")
        if not self._pairs:
            raise ValueError(f"R-Drop compares two draws of dropout, but {self.base!r} has no pass with dropout")

    @property
    def variants(self) -> tuple[Variant, ...]:
        """The plan of the base, then its passes with dropout again, with new masks."""
        return tuple(dict.fromkeys([*self.base.variants, *self._again]))

    @property
    def _again(self) -> tuple[Variant, ...]:
        return tuple(variant.with_new_masks() for variant in self.base.variants)

    @property
    def _pairs(self) -> list[tuple[Variant, Variant]]:
        return [(one, two) for one, two in zip(self.base.variants, self._again, strict=True) if one != two]

    def score(self, passes: PassBatch) -> ObjectiveOutput:
        import torch

        from cmploss.ablation import dropout_sites
        from cmploss.objectives.task_loss import divergences
        from cmploss.objectives.views import apply_mask, mean_or_zero

        if all(variant.p is None for variant in self.variants) and not any(s.rate for s in dropout_sites(passes.model)):
            raise ValueError(
                "R-Drop compares two draws of dropout, but every dropout rate of the model is 0; give a rate, as in "
                "RDrop(base=Supervised(p=0.1)) or --dropout_p 0.1"
            )
        first, second = (self.base.score(passes.select(variants)) for variants in (self.base.variants, self._again))
        pairs = [passes.select(pair) for pair in self._pairs]
        differences = [divergences(passes.model, pair.outputs, pair.labels[0]) for pair in pairs]
        divergence = mean_or_zero(apply_mask(torch.stack(differences, dim=-1), passes.labels[0]))
        task = (first.loss + second.loss) / 2
        both = zip(first.logs.items(), second.logs.values(), strict=True)
        logs = {name: (one + two) / 2 for (name, one), two in both} or {"loss_task": task.detach()}
        return ObjectiveOutput(
            task + self.alpha * divergence, logs | {"divergence": divergence.detach()}, first.outputs
        )
