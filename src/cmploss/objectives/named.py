"""The list of objectives, from which options, search spaces, records and help are derived."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, make_dataclass
from itertools import chain
from typing import Any

from cmploss.ablation.crop import CmpCrop
from cmploss.ablation.variants import LAYERS, CmpDrop, CmpLayer
from cmploss.objectives.base import MultiPassObjective
from cmploss.objectives.comparative import Comparative, EqualCompute, Weighted, ablations_from
from cmploss.objectives.distill import Distill
from cmploss.objectives.label_smoothing import LabelSmoothing
from cmploss.objectives.lol import LoL
from cmploss.objectives.raft import Raft
from cmploss.objectives.rdrop import RDrop
from cmploss.objectives.scl import SupervisedContrastive
from cmploss.objectives.self_distill import SelfDistill
from cmploss.objectives.supervised import Regularizer, Supervised
from cmploss.settings import Setting, settings_of

ABLATION_OPTIONS = ("n_drop", "dropout_p", "n_crop", "crop_dropout", "layers", "exit_heads", "exit_gradient")


@dataclass(frozen=True)
class NamedObjective:
    """What a name stands for."""

    objective: type[MultiPassObjective]
    fixed: Mapping[str, Any] = field(default_factory=dict)  # fields that are not settings of this name
    base: NamedObjective | None = None  # base of a regularizer outside a sum; its settings belong to this name too
    baseline: bool = False  # whether the other objectives must beat it

    @property
    def own_settings(self) -> tuple[Setting, ...]:
        """The settings of the objective and its ablations, without those of a base."""
        ablates = issubclass(self.objective, EqualCompute)
        ablations = (*settings_of(CmpDrop), *settings_of(CmpCrop), LAYERS, *settings_of(CmpLayer)) if ablates else ()
        return (*ablations, *(each for each in settings_of(self.objective) if each.field not in self.fixed))

    @property
    def settings(self) -> tuple[Setting, ...]:
        """The settings of the objective when it is alone or first in a sum."""
        return self.own_settings + (self.base.own_settings if self.base else ())

    def build(self, values: Mapping[str, Any], base: MultiPassObjective | None = None) -> MultiPassObjective:
        known = {each.option: values.get(each.option, each.default) for each in self.own_settings}
        declared = [each for each in settings_of(self.objective) if each.field not in self.fixed]
        given = {**self.fixed, **{each.field: known[each.option] for each in declared}}
        if base is None and self.base is not None:
            base = self.base.build(values)
        if base is not None:
            given["base"] = base
        ablations: tuple[Any, ...] = ()
        if "n_drop" in known:
            ablations = ablations_from(*(known[name] for name in ABLATION_OPTIONS))
        return self.objective(*ablations, **given)

    def values(self, objective: MultiPassObjective) -> dict[str, Any]:
        """The settings of an objective of this class, by option."""
        found = {each.option: getattr(objective, each.field) for each in settings_of(self.objective)}
        found = {each.option: found[each.option] for each in self.own_settings if each.option in found}
        if isinstance(objective, EqualCompute):
            found = {"n_drop": 0, "dropout_p": None, "n_crop": 0, "crop_dropout": "own"} | found
            found = {"layers": None, **{each.option: each.default for each in settings_of(CmpLayer)}} | found
            for ablation in objective.ablations:
                if isinstance(ablation, CmpLayer):
                    found["layers"] = ",".join(map(str, ablation.depths))
                found |= {each.option: getattr(ablation, each.field) for each in settings_of(type(ablation))}
        base = getattr(objective, "base", None)
        if self.base is not None and type(base) is self.base.objective:
            found |= self.base.values(base)
        return found


OBJECTIVES: dict[str, NamedObjective] = {
    "supervised": NamedObjective(Supervised, {"p": None}, baseline=True),
    "no_dropout": NamedObjective(Supervised, {"dropout": False, "p": None}, baseline=True),
    "equal_compute": NamedObjective(EqualCompute, baseline=True),
    "comparative": NamedObjective(Comparative),
    "scl": NamedObjective(SupervisedContrastive),
    "rdrop": NamedObjective(RDrop, base=NamedObjective(Supervised)),
    "label_smoothing": NamedObjective(LabelSmoothing),
    "lol": NamedObjective(LoL),
    "weighted": NamedObjective(Weighted),
    "distill": NamedObjective(Distill),
    "self_distill": NamedObjective(SelfDistill),
    # A new one goes to the end: the colours of reports follow this order.
    "raft": NamedObjective(Raft, {"dropout": True, "p": None}),
}
ALIASES = {"feedback": "lol"}
"""Former names, which keep working for one release."""

REGULARIZERS = tuple(name for name, named in OBJECTIVES.items() if issubclass(named.objective, Regularizer))
"""What can be added to another objective: it takes the loss of the other in place of the task loss."""

COMMON = (
    Setting(
        "class_pairs",
        "class_pairs",
        bool,
        default=False,
        help="Sample batches so that each class in a batch has at least two examples, where possible.",
    ),
)
"""Settings of every objective, including a user's own."""


def settings_of_kind(kind: str) -> tuple[Setting, ...]:
    """The settings of an objective or a sum, each option once.

    >>> [each.option for each in settings_of_kind("comparative+rdrop")]
    ['n_drop', 'dropout_p', 'n_crop', 'crop_dropout', 'layers', 'exit_heads', ..., 'alpha', 'class_pairs']
    """
    first, *added = kind.split("+")
    terms = [OBJECTIVES[first].settings, *(OBJECTIVES[name].own_settings for name in added), COMMON]
    return _first_of_each(*terms)


def build_kind(kind: str, settings: Mapping[str, Any]) -> MultiPassObjective:
    """The objective of a name, or a sum: ``a+b`` is ``b`` with the loss of ``a`` in place of the task loss.

    >>> build_kind("no_dropout+label_smoothing", {})
    LabelSmoothing(epsilon=0.1, base=Supervised(dropout=False, p=None))
    """
    first, *added = kind.split("+")
    objective = OBJECTIVES[first].build(settings)
    for name in added:
        objective = OBJECTIVES[name].build(settings, objective)
    return objective


def describe(objective: object) -> tuple[str, dict[str, Any]] | None:
    """The name or sum and the settings that build an equal objective; None if there are none.

    >>> describe(Supervised(dropout=False))
    ('no_dropout', {})
    """
    for kind, settings in _candidates(objective):
        try:
            if build_kind(kind, settings) == objective:
                return kind, settings
        except ValueError:
            continue
    return None


def _first_of_each(*terms: tuple[Setting, ...]) -> tuple[Setting, ...]:
    found: dict[str, Setting] = {}
    for each in chain(*terms):
        found.setdefault(each.option, each)
    return tuple(found.values())


def _candidates(objective: object) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, named in OBJECTIVES.items():
        if type(objective) is not named.objective:
            continue
        values = named.values(objective)
        yield name, values
        if isinstance(objective, Regularizer) and (base := describe(objective.base)):
            yield f"{base[0]}+{name}", {**base[1], **values}


def _all_options() -> dict[str, Setting]:
    return {each.option: each for each in _first_of_each(*(named.settings for named in OBJECTIVES.values()), COMMON)}


def _option_class() -> Any:
    options = _all_options()
    made = make_dataclass(
        "ObjectiveConfig",
        [(name, each.type | None, field(default=None)) for name, each in options.items()],
        frozen=True,
    )
    lines = [f"        {name}: {each.help.rstrip('.')}{_default(each)}." for name, each in options.items()]
    made.__module__ = __name__
    made.__doc__ = "\n".join(
        ["Settings of objectives; each applies to every objective that has it.", "", "    Attributes:", *lines, "    "]
    )
    return made


def _default(setting: Setting) -> str:
    value = str(setting.default).lower() if isinstance(setting.default, bool) else setting.default
    return "" if value is None else f" (default {value})"


ObjectiveConfig: Any = _option_class()


def given_settings(config: Any) -> dict[str, Any]:
    """The settings of an ``ObjectiveConfig`` that were given."""
    return {name: value for name, value in asdict(config).items() if value is not None}
