"""The comparative loss of a model and its ablated submodels, and the same passes without comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from cmploss.ablation.crop import CmpCrop
from cmploss.ablation.variants import Ablation, CmpDrop, CmpLayer, Variant, depths_from, variants_of
from cmploss.choices import ENGINES, CropDropout, Engine, ExitHeads, Primary, Ranking, Target, check_option
from cmploss.objectives.base import MultiPassObjective, ObjectiveOutput
from cmploss.settings import setting

if TYPE_CHECKING:
    from torch import Tensor

    from cmploss.objectives.run_plan import PassBatch

ENGINE_HELP = "How the passes are run."
RANKING_HELP = "Ranking of the losses."
TEMPERATURE_HELP = "Number by which losses are divided before they are compared."


@dataclass(frozen=True, init=False, repr=False)
class EqualCompute(MultiPassObjective):
    """The mean task loss of the passes that :class:`Comparative` runs, without comparing them.

    This baseline shows whether a gain comes from the comparison or only from more passes.

    Args:
        *ablations: As for :class:`Comparative`.
        engine: As for :class:`Comparative`.
    """

    ablations: tuple[Ablation, ...]
    engine: Engine = setting("auto", option="engine", help=ENGINE_HELP)

    def __init__(self, *ablations: Ablation, engine: Engine = "auto"):
        self._set(ablations, engine=engine)

    def _set(self, ablations: tuple[Ablation, ...], **settings: Any) -> None:
        check_option("engine", settings["engine"], ENGINES)
        variants_of(*ablations)
        for name, value in {"ablations": ablations, **settings}.items():
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        settings = {name: value for name, value in vars(self).items() if name != "ablations"}
        words = [*map(repr, self.ablations), *(f"{name}={value!r}" for name, value in settings.items())]
        return f"{type(self).__name__}({', '.join(words)})"

    @property
    def variants(self) -> tuple[Variant, ...]:
        return variants_of(*self.ablations)

    def score(self, passes: PassBatch) -> ObjectiveOutput:
        return passes.output(self.combine)

    def combine(self, losses: Tensor) -> Tensor:
        """The scalar of task losses ``(batch, …, variants)``: a mean over the examples."""
        return losses.mean()


@dataclass(frozen=True, init=False, repr=False)
class Comparative(EqualCompute):
    """Comparative loss: the full model must not be beaten by its own submodels.

    A plan with crops takes batches of views (see :class:`cmploss.tasks.qa.ViewCollator`). ``Comparative(CmpDrop(0))``
    equals ``Supervised(dropout=False)``.

    Args:
        *ablations: What the submodels lack: ``CmpDrop(2)`` for two steps of nested dropout, ``CmpCrop(1)`` for a crop
            of the input, ``CmpLayer((4, 2))`` for the lowest layers alone, or several (see
            :func:`cmploss.ablation.variants_of`). ``CmpDrop(0)`` trains on the full, dropout-free pass alone.
        target: ``"ultra"``, ``"first"`` or ``"best"`` (see :func:`cmploss.comparative_loss`).
        ranking: ``"hinge"`` or ``"listmle"``.
        temperature: Positive number by which losses are divided before they are compared.
        engine: How the passes are run (see :func:`cmploss.engine.engines.run_passes`).

    Raises:
        ValueError: For an unknown option, a temperature that is not positive, no ablation, or two of a kind.

    Examples:
        >>> from cmploss import CmpDrop
        >>> Comparative(CmpDrop(1), target="first")
        Comparative(CmpDrop(n_drop=1, p=None), target='first', ranking='hinge', temperature=1.0, engine='auto')

    References:
        Zhu et al. 2024 (arXiv 2301.03765).
    """

    target: Target = setting("ultra", option="target", help="Target of the comparative loss.")
    ranking: Ranking = setting("hinge", option="ranking", help=RANKING_HELP)
    temperature: float = setting(1.0, option="ranking_temperature", help=TEMPERATURE_HELP)

    def __init__(
        self,
        *ablations: Ablation,
        target: Target = "ultra",
        ranking: Ranking = "hinge",
        temperature: float = 1.0,
        engine: Engine = "auto",
    ):
        check_option("target", target, get_args(Target))
        _check_ranking(ranking, temperature)
        self._set(ablations, target=target, ranking=ranking, temperature=temperature, engine=engine)

    def combine(self, losses: Tensor) -> Tensor:
        from cmploss.losses import comparative_loss

        return comparative_loss(losses, target=self.target, ranking=self.ranking, temperature=self.temperature)


@dataclass(frozen=True, init=False, repr=False)
class Weighted(EqualCompute):
    """Fixed weights for the task losses of the passes of :class:`Comparative`: the paper's study of weighting.

    ``L = primary(l_0 … l_c) + w · R`` of each example, with the ranking loss ``R`` of
    :func:`cmploss.losses.ranking_penalty`. In question answering ``l`` of the primary loss is the mean of the losses of
    start and end, which ``R`` compares separately.

    Args:
        *ablations: As for :class:`Comparative`.
        primary: ``"max"``, ``"mean"``, ``"full"`` (``l_0``) or ``"most_ablated"`` (``l_c``).
        ranking_weight: ``w`` ≥ 0.
        ranking: As for :class:`Comparative`.
        temperature: As for :class:`Comparative`.
        engine: As for :class:`Comparative`.

    Raises:
        ValueError: For a negative weight, or as :class:`Comparative`.

    Examples:
        >>> from cmploss import CmpDrop
        >>> Weighted(CmpDrop(1), primary="full").primary
        'full'

    References:
        Zhu et al. 2024 (arXiv 2301.03765), weighting strategies.
    """

    primary: Primary = setting("max", option="primary", help="Primary loss of weighted.")
    ranking_weight: float = setting(0.0, option="ranking_weight", help="Weight of the ranking in weighted.")
    ranking: Ranking = setting("hinge", option="ranking", help=RANKING_HELP)
    temperature: float = setting(1.0, option="ranking_temperature", help=TEMPERATURE_HELP)

    def __init__(
        self,
        *ablations: Ablation,
        primary: Primary = "max",
        ranking_weight: float = 0.0,
        ranking: Ranking = "hinge",
        temperature: float = 1.0,
        engine: Engine = "auto",
    ):
        check_option("primary", primary, get_args(Primary))
        _check_ranking(ranking, temperature)
        if not ranking_weight >= 0:
            raise ValueError(f"ranking_weight={ranking_weight} must not be negative")
        settings = {"primary": primary, "ranking_weight": ranking_weight, "ranking": ranking}
        self._set(ablations, **settings, temperature=temperature, engine=engine)

    def combine(self, losses: Tensor) -> Tensor:
        from cmploss.losses import primary_loss, ranking_penalty

        of_examples = losses if losses.ndim == 2 else losses.flatten(1, -2).mean(1)
        penalty = ranking_penalty(losses, ranking=self.ranking, temperature=self.temperature)
        return primary_loss(of_examples, primary=self.primary) + self.ranking_weight * penalty


def _check_ranking(ranking: Ranking, temperature: float) -> None:
    check_option("ranking", ranking, get_args(Ranking))
    if not temperature > 0:
        raise ValueError(f"temperature={temperature} must be positive")


def ablations_from(
    n_drop: int,
    dropout_p: float | None,
    n_crop: int,
    crop_dropout: CropDropout,
    layers: str | None,
    exit_heads: ExitHeads,
    exit_gradient: float,
) -> tuple[Ablation, ...]:
    """The ablations that the options ask for; without any, the plan is the full, dropout-free pass alone."""
    drop = CmpDrop(n_drop, dropout_p)
    others: list[Ablation] = [CmpCrop(n_crop, crop_dropout)] if n_crop else []
    others += [CmpLayer(depths_from(layers), exit_heads, exit_gradient)] if layers else []
    if n_drop or not others:
        return (drop, *others)
    if dropout_p is not None:
        raise ValueError(f"dropout_p={dropout_p} is the base rate of CmpDrop, which needs n_drop above 0")
    return tuple(others)
