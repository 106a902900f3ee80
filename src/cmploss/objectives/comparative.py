"""A model compared with its ablated submodels, and the same passes without comparison."""

from torch import Tensor

from cmploss.ablation import Ablation, variants_of
from cmploss.choices import ENGINES, Engine, Ranking, Target, check_option
from cmploss.losses import RANKINGS, TARGETS, comparative_loss
from cmploss.objectives.base import Outcome, Passes, PassObjective


class Comparative(PassObjective):
    """Comparative loss: the full model must not be beaten by its own submodels.

    A plan with crops takes batches of views (see :class:`cmploss.tasks.qa.ViewCollator`).

    Args:
        *ablations: What the submodels lack: ``CmpDrop(2)`` for two steps of nested dropout, ``CmpCrop(1)`` for a crop
            of the input, or both (see :func:`cmploss.ablation.variants_of`). ``CmpDrop(0)`` compares with nothing and
            trains on the full, dropout-free pass alone.
        target: ``"ultra"``, ``"first"`` or ``"best"`` (see :func:`cmploss.comparative_loss`).
        ranking: ``"hinge"`` or ``"listmle"``.
        temperature: Positive number by which losses are divided before they are compared.
        engine: How the passes are run (see :func:`cmploss.engine.run_passes`).

    Raises:
        ValueError: For an unknown option, a temperature that is not positive, no ablation, or two of a kind.

    Example:
        >>> from cmploss import CmpDrop
        >>> Comparative(CmpDrop(1), target="first")
        Comparative(CmpDrop(n_drop=1, p=None), target='first', ranking='hinge', temperature=1.0, engine='auto')

    Source: Zhu et al. 2024 (arXiv 2301.03765).
    """

    def __init__(
        self,
        *ablations: Ablation,
        target: Target = "ultra",
        ranking: Ranking = "hinge",
        temperature: float = 1.0,
        engine: Engine = "auto",
    ):
        check_option("target", target, TARGETS)
        check_option("ranking", ranking, RANKINGS)
        check_option("engine", engine, ENGINES)
        if not temperature > 0:
            raise ValueError(f"temperature={temperature} must be positive")
        self.variants = variants_of(*ablations)
        self.ablations = ablations
        self.target = target
        self.ranking = ranking
        self.temperature = temperature
        self.engine = engine

    def __repr__(self) -> str:
        options = self.options("target", "ranking", "temperature", "engine")
        return f"Comparative({', '.join(map(repr, self.ablations))}, {options})"

    def score(self, passes: Passes) -> Outcome:
        """The passes compared."""
        return passes.outcome(self.combine)

    def combine(self, losses: Tensor) -> Tensor:
        """The comparative loss of task losses ``(batch, …, variants)``, averaged."""
        return comparative_loss(losses, target=self.target, ranking=self.ranking, temperature=self.temperature)


class EqualCompute(PassObjective):
    """The mean task loss of the passes that :class:`Comparative` runs, without comparing them.

    The baseline that tells whether a gain comes from the comparison or only from more passes.

    Args:
        *ablations: As for :class:`Comparative`.
        engine: As for :class:`Comparative`.
    """

    def __init__(self, *ablations: Ablation, engine: Engine = "auto"):
        check_option("engine", engine, ENGINES)
        self.variants = variants_of(*ablations)
        self.ablations = ablations
        self.engine = engine

    def __repr__(self) -> str:
        return f"EqualCompute({', '.join(map(repr, self.ablations))}, engine={self.engine!r})"

    def score(self, passes: Passes) -> Outcome:
        """The mean over the passes."""
        return passes.outcome(Tensor.mean)
