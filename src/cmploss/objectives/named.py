"""Objectives by the names that the command line uses."""

from collections.abc import Callable
from dataclasses import dataclass

from cmploss.ablation import Ablation, CmpCrop, CmpDrop
from cmploss.engine import Engine
from cmploss.losses.comparative import Ranking, Target
from cmploss.losses.reduction import check_option
from cmploss.objectives.base import Objective
from cmploss.objectives.comparative import Comparative, EqualCompute
from cmploss.objectives.feedback import Feedback
from cmploss.objectives.supervised import Supervised


@dataclass(frozen=True)
class ObjectiveConfig:
    """Settings of the objectives, shared by all that have them.

    Attributes:
        n_drop: Ablated passes of CmpDrop.
        n_crop: Ablated passes of CmpCrop, or revisions with less feedback; needs data with segments or feedback.
        target: Target of the comparative loss.
        ranking: Ranking of the comparative loss.
        ranking_temperature: Temperature of the comparative loss.
        dropout_p: Base rate at every dropout site during ablated passes; by default each site's own.
        feedback_weight: λ of the comparison between revisions of a query.
        engine: How the passes are run.
    """

    n_drop: int = 1
    n_crop: int = 0
    target: Target = "ultra"
    ranking: Ranking = "hinge"
    ranking_temperature: float = 1.0
    dropout_p: float | None = None
    feedback_weight: float = 1.0
    engine: Engine = "auto"


def ablations_of(config: ObjectiveConfig) -> tuple[Ablation, ...]:
    """What the settings ablate; without either kind the plan is the full, dropout-free pass alone.

    Raises:
        ValueError: For a setting out of range, or a base rate that no pass would use.
    """
    drop = CmpDrop(config.n_drop, config.dropout_p)
    if not config.n_crop:
        return (drop,)
    crop = CmpCrop(config.n_crop)
    if config.n_drop:
        return (drop, crop)
    if config.dropout_p is not None:
        raise ValueError(
            f"dropout_p={config.dropout_p} is the base rate of CmpDrop; with crops it needs n_drop above 0"
        )
    return (crop,)


OBJECTIVES: dict[str, Callable[[ObjectiveConfig], Objective]] = {
    "supervised": lambda _: Supervised(),
    "no_dropout": lambda _: Supervised(dropout=False),
    "equal_compute": lambda config: EqualCompute(*ablations_of(config), engine=config.engine),
    "comparative": lambda config: Comparative(
        *ablations_of(config),
        target=config.target,
        ranking=config.ranking,
        temperature=config.ranking_temperature,
        engine=config.engine,
    ),
    "feedback": lambda config: Feedback(config.feedback_weight, revisions=1 + config.n_crop, engine=config.engine),
}


def build_objective(name: str, config: ObjectiveConfig | None = None) -> Objective:
    """The objective of that name.

    Raises:
        ValueError: For an unknown name or a setting that its objective refuses.

    Example:
        >>> build_objective("no_dropout")
        Supervised(dropout=False)
    """
    check_option("objective", name, OBJECTIVES)
    return OBJECTIVES[name](config or ObjectiveConfig())
