"""Objectives by the names that the command line uses."""

from collections.abc import Callable

from cmploss.ablation import Ablation, CmpCrop, CmpDrop
from cmploss.choices import check_option
from cmploss.objectives.base import PassObjective
from cmploss.objectives.comparative import Comparative, EqualCompute
from cmploss.objectives.config import ObjectiveConfig, with_own_settings
from cmploss.objectives.lol import Feedback
from cmploss.objectives.multi_sample import MultiSampleDropout
from cmploss.objectives.rdrop import LabelSmoothing, RDrop
from cmploss.objectives.scl import SupervisedContrastive
from cmploss.objectives.supervised import Supervised


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


# What can be added to another objective: it takes that in place of the task loss.
TERMS: dict[str, Callable[[PassObjective, ObjectiveConfig], PassObjective]] = {
    "scl": lambda base, config: SupervisedContrastive(config.contrastive_weight, config.contrastive_temperature, base),
    "rdrop": lambda base, config: RDrop(config.alpha, base, config.engine),
    "label_smoothing": lambda base, config: LabelSmoothing(config.smoothing, base),
}
OBJECTIVES: dict[str, Callable[[ObjectiveConfig], PassObjective]] = {
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
    "scl": lambda config: TERMS["scl"](Supervised(), config),
    "rdrop": lambda config: TERMS["rdrop"](Supervised(p=config.dropout_p), config),
    "label_smoothing": lambda config: TERMS["label_smoothing"](Supervised(), config),
    "multi_sample": lambda config: MultiSampleDropout(config.dropout_samples, config.dropout_p),
    "feedback": lambda config: Feedback(config.feedback_weight, revisions=1 + config.n_crop, engine=config.engine),
}


CHOICES = f"{', '.join(OBJECTIVES)}; {', '.join(TERMS)} can be added to another, as in comparative+scl"


def build_objective(name: str, config: ObjectiveConfig | None = None) -> PassObjective:
    """The objective of that name, or a sum: ``a+b`` is ``b`` with the loss of ``a`` in place of the task loss.

    Args:
        name: Perhaps with settings of its own: ``comparative(n_drop=2)``.
        config: The settings that all share.

    Raises:
        ValueError: For an unknown name, a sum that makes no sense, or a setting that its objective refuses.
        UserError: For a setting that does not exist or has the wrong type.

    Example:
        >>> build_objective("no_dropout")
        Supervised(dropout=False)
        >>> build_objective("no_dropout+label_smoothing")
        LabelSmoothing(epsilon=0.1, base=Supervised(dropout=False))
    """
    name, config = with_own_settings(name, config or ObjectiveConfig())
    first, *added = _names_in(name)
    objective = OBJECTIVES[first](config)
    for term in added:
        objective = TERMS[term](objective, config)
    return objective


def is_objective(name: str) -> bool:
    """Whether it is a name of :data:`OBJECTIVES`, or a sum that makes sense, perhaps with settings of its own.

    Raises:
        UserError: For a setting that does not exist or has the wrong type.

    >>> is_objective("comparative+scl"), is_objective("scl+comparative")
    (True, False)
    """
    name, _ = with_own_settings(name, ObjectiveConfig())
    try:
        _names_in(name)
    except ValueError:
        return False
    return True


def _names_in(name: str) -> list[str]:
    names = name.split("+")
    for part in names:
        check_option("objective", part, OBJECTIVES)
    for part in names[1:]:
        if part not in TERMS:
            raise ValueError(f"objective={name!r}: {part} cannot be added, only {', '.join(TERMS)}; write it first")
    if len(set(names)) < len(names):
        raise ValueError(f"objective={name!r} names one twice; name each once")
    return names
