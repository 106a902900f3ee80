"""LoL: compares revisions of one query that read less and less feedback."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cmploss.ablation.crop import CmpCrop
from cmploss.ablation.variants import Variant, variants_of
from cmploss.choices import ENGINES, Engine, check_option
from cmploss.objectives.base import MultiPassObjective, ObjectiveOutput
from cmploss.settings import setting

if TYPE_CHECKING:
    from torch import Tensor

    from cmploss.objectives.run_plan import PassBatch


@dataclass(frozen=True)
class LoL(MultiPassObjective):
    """Loss over losses: a revision of a query that reads more feedback must not have the larger loss.

    With the losses ``l_0 … l_n`` of one query's revisions, most feedback first,
    ``L = 1/(1+n) · Σ_i l_i + λ · 2/(n(n+1)) · Σ_{i<j} max(0, l_i − l_j)``, averaged over queries. The revisions are the
    views of a batch (see :class:`cmploss.tasks.prf.FeedbackCollator`). All have the model's own dropout and the same
    seed.

    Args:
        weight: λ ≥ 0. With 0, revisions are trained but not compared: the baseline.
        revisions: ``1+n`` ≥ 1. A single one is plain training of a query reformulator; the weight then has no effect.
        engine: How the passes are run (see :func:`cmploss.engine.engines.run_passes`).

    Raises:
        ValueError: For a negative weight, no revision, or an unknown engine.

    Examples:
        >>> LoL(weight=0.5)
        LoL(weight=0.5, revisions=2, engine='auto')

    References:
        Zhu et al. 2022 (arXiv 2204.11545).
    """

    weight: float = setting(1.0, option="feedback_weight", help="Weight λ of the comparison between revisions in lol.")
    revisions: int = setting(
        2, option="revisions", kw_only=True, help="Revisions of each query that lol trains together."
    )
    engine: Engine = setting("auto", option="engine", kw_only=True, help="How the passes are run.")

    def __post_init__(self) -> None:
        check_option("engine", self.engine, ENGINES)
        if not self.weight >= 0:
            raise ValueError(f"weight={self.weight} must not be negative")
        if self.revisions < 1:
            raise ValueError(f"revisions={self.revisions} must be at least 1")

    @property
    def variants(self) -> tuple[Variant, ...]:
        """One variant for each revision: less feedback is a crop of the input, and every crop keeps the query."""
        return variants_of(CmpCrop(self.revisions - 1))

    def score(self, passes: PassBatch) -> ObjectiveOutput:
        return passes.output(self.combine)

    def combine(self, losses: Tensor) -> Tensor:
        """The loss of task losses ``(batch, …, revisions)``, averaged."""
        from cmploss.losses import primary_loss

        return primary_loss(losses, primary="mean", ranking_weight=self.weight)


def renamed(name: str) -> Any:
    """``Feedback``, the former name of :class:`LoL`, with a warning."""
    if name != "Feedback":
        raise AttributeError(f"module 'cmploss' has no attribute {name!r}")
    warnings.warn("cmploss.Feedback is now cmploss.LoL; the old name will be removed", DeprecationWarning, stacklevel=3)
    return LoL
