"""Settings of the objectives, and how an objective is written with settings of its own."""

import re
from dataclasses import dataclass, fields, replace

from cmploss.choices import Engine, Ranking, Target
from cmploss.errors import UserError
from cmploss.options import parse_arguments


@dataclass(frozen=True)
class ObjectiveConfig:
    """Settings of the objectives, shared by all that have them.

    Attributes:
        n_drop: Ablated passes of CmpDrop.
        n_crop: Ablated passes of CmpCrop, or revisions with less feedback; needs data with segments or feedback.
        target: Target of the comparative loss.
        ranking: Ranking of the comparative loss.
        ranking_temperature: Temperature of the comparative loss.
        dropout_p: Base rate at every dropout site during ablated passes; by default each site's own. In rdrop and
            multi_sample too.
        engine: How the passes are run.
        contrastive_weight: Weight λ of the contrastive loss in scl; the rest is the cross-entropy's.
        contrastive_temperature: Temperature τ of the contrastive loss.
        alpha: Weight of the divergence in rdrop.
        smoothing: Probability ε that label_smoothing spreads over all classes.
        dropout_samples: Dropout samples of the head in multi_sample.
        feedback_weight: λ of the comparison between revisions of a query.
        class_pairs: Give a class in a batch at least two examples in it; where possible.
    """

    n_drop: int = 1
    n_crop: int = 0
    target: Target = "ultra"
    ranking: Ranking = "hinge"
    ranking_temperature: float = 1.0
    dropout_p: float | None = None
    engine: Engine = "auto"
    contrastive_weight: float = 0.9
    contrastive_temperature: float = 0.3
    alpha: float = 1.0
    smoothing: float = 0.1
    dropout_samples: int = 8
    feedback_weight: float = 1.0
    class_pairs: bool = False


def split_objectives(text: str) -> tuple[str, ...]:
    """The objectives of a comma-separated list; commas within parentheses are of their settings.

    >>> split_objectives("supervised, comparative(n_drop=2, n_crop=1)")
    ('supervised', 'comparative(n_drop=2,n_crop=1)')
    """
    return tuple(re.sub(r"\s", "", name) for name in re.split(r",(?![^()]*\))", text))


def with_own_settings(text: str, config: ObjectiveConfig) -> tuple[str, ObjectiveConfig]:
    """Part an objective as it is written into its name and its settings.

    Args:
        text: The name of an objective or a sum, perhaps with settings in parentheses.
        config: The settings that all share.

    Returns:
        The name alone, and ``config`` with its own settings in place of the shared ones.

    Raises:
        UserError: A setting is unknown, comes without a value, or has the wrong type.

    Example:
        >>> name, config = with_own_settings("comparative(n_drop=2)", ObjectiveConfig(target="first"))
        >>> name, config.n_drop, config.target
        ('comparative', 2, 'first')
    """
    known = [field.name for field in fields(ObjectiveConfig)]
    given = {}
    for setting in (each for group in re.findall(r"\(([^()]*)\)", text) for each in group.split(",")):
        name, _, value = setting.partition("=")
        if name not in known or not value:
            raise UserError(
                f"objective {text}: {setting!r} is no setting; write name=value with one of {', '.join(known)}"
            )
        given[name] = value
    parsed = parse_arguments([word for name in given for word in (f"--{name}", given[name])], [ObjectiveConfig])
    own = {name: getattr(parsed[ObjectiveConfig], name) for name in given}
    return re.sub(r"\([^()]*\)", "", text), replace(config, **own)
