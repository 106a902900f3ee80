"""Revisions of a query that read ever less feedback, compared."""

from torch import Tensor

from cmploss.ablation import CmpCrop, variants_of
from cmploss.choices import ENGINES, Engine, check_option
from cmploss.losses import primary_loss
from cmploss.objectives.base import Outcome, Passes, PassObjective


class Feedback(PassObjective):
    """LoL: a revision of a query that reads more feedback must not have the larger loss.

    With the losses ``l_0 … l_n`` of one query's revisions, most feedback first,
    ``L = 1/(1+n) · Σ_i l_i + λ · 2/(n(n+1)) · Σ_{i<j} max(0, l_i − l_j)``, averaged over queries. Batches have the
    revisions as views (see :class:`cmploss.tasks.prf.FeedbackCollator`); all have the model's own dropout and one seed.

    Args:
        weight: λ ≥ 0. With 0, revisions are trained without being compared: the baseline for what the comparison adds.
        revisions: ``1+n`` ≥ 1. A single one is plain training of a query reformulator, whatever the weight.
        engine: How the passes are run (see :func:`cmploss.engine.run_passes`).

    Raises:
        ValueError: For a negative weight, no revision, or an unknown engine.

    Example:
        >>> Feedback(weight=0.5)
        Feedback(weight=0.5, revisions=2, engine='auto')

    Source: Zhu et al. 2022 (arXiv 2204.11545).
    """

    def __init__(self, weight: float = 1.0, *, revisions: int = 2, engine: Engine = "auto"):
        check_option("engine", engine, ENGINES)
        if not weight >= 0:
            raise ValueError(f"weight={weight} must not be negative")
        if revisions < 1:
            raise ValueError(f"revisions={revisions} must be at least 1")
        # Less feedback is a crop of the input: the query is what every revision keeps.
        self.variants = variants_of(CmpCrop(revisions - 1))
        self.weight = weight
        self.revisions = revisions
        self.engine = engine

    def __repr__(self) -> str:
        return f"Feedback({self.options('weight', 'revisions', 'engine')})"

    def score(self, passes: Passes) -> Outcome:
        """The revisions compared."""
        return passes.outcome(self.combine)

    def combine(self, losses: Tensor) -> Tensor:
        """The loss of task losses ``(batch, …, revisions)``, averaged."""
        return primary_loss(losses, primary="mean", ranking_weight=self.weight)
