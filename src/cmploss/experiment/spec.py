"""Objectives of an experiment: text is parsed once and stays an object from then on."""

import logging
import pickle
import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, is_dataclass, replace
from itertools import combinations
from typing import Any

from cmploss.errors import UserError
from cmploss.experiment.objective_text import read_kind, read_settings, read_term, row_name, split_outside
from cmploss.experiment.own_identity import own_settings, qualified_name, source_of
from cmploss.experiment.own_objective import entry_point, load_objective
from cmploss.experiment.run_dir import one_line
from cmploss.objectives.base import Objective
from cmploss.objectives.named import ALIASES, COMMON, OBJECTIVES, build_kind, describe, settings_of_kind
from cmploss.settings import Setting

logger = logging.getLogger(__name__)

KINDS = tuple(OBJECTIVES)
"""The objectives of this package, baselines first."""


@dataclass(frozen=True)
class ObjectiveSpec:
    """An objective and its settings.

    Attributes:
        name: Label in a study, as written: ``"comparative(n_drop=2)"``, ``"mine"``.
        kind: ``"comparative"``, a sum ``"comparative+scl"``, or for a user's own ``"my_module:MyObjective"``.
        settings: All settings in JSON types, by option, or by field for a user's own objective.
        own: An existing object; None if ``kind`` and ``settings`` build it.
        source: For a user's own: import path (None if it cannot be imported), file name and hash of the file.
        fixed: Settings given only for this objective, which a search does not change.
        shared: Settings given for all objectives.
        varied: Other settings of the row, if the study varies them.
    """

    name: str
    kind: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    own: Objective | None = field(default=None, compare=False, repr=False)
    source: Mapping[str, Any] | None = None
    fixed: frozenset[str] = field(default=frozenset(), compare=False, repr=False)
    shared: frozenset[str] = field(default=frozenset(), compare=False, repr=False)
    varied: Mapping[str, Any] = field(default_factory=dict)

    @property
    def row(self) -> str:
        """Its name in a table."""
        return row_name(self.name, self.varied)

    @classmethod
    def parse(cls, text: str, shared: Mapping[str, Any] | None = None) -> "ObjectiveSpec":
        """Read an objective: a name or sum, an import path, or a name of the entry points ``cmploss.objectives``.

        Args:
            text: An objective, optionally with settings in parentheses, by option or by field, and with a label:
                ``comparative(n_drop=2)``, ``mine=my_module:MyObjective(alpha=2)``.
            shared: Settings that all objectives share; settings in parentheses override them.

        Raises:
            UserError: If a name or setting is unknown or has a wrong type, a sum is impossible, or an import fails.

        Examples:
            >>> spec = ObjectiveSpec.parse("comparative(n_drop=2)", {"target": "first", "alpha": 5.0})
            >>> spec.kind, spec.settings["n_drop"], spec.settings["target"]
            ('comparative', 2, 'first')
            >>> spec.build()
            Comparative(CmpDrop(n_drop=2, p=None), target='first', ranking='hinge', temperature=1.0, engine='auto')
        """
        text = re.sub(r"\s", "", text)
        label, equals, written = text.partition("=")
        if not equals or re.search(r"[(:+]", label):  # settings or an import path, and no label
            label, written = "", text
        _check_label(label or None)
        terms = [read_term(each, text) for each in split_outside(written, "+")]
        shared = shared or {}
        first, given = terms[0]
        path = first if ":" in first else None if first in OBJECTIVES else entry_point(first)
        if path is not None:
            if len(terms) > 1:
                raise UserError(f"objective {text}: {first} cannot be part of a sum; build the sum in Python")
            common = {each.option: each for each in COMMON}
            own = {name: value for name, value in given.items() if name not in common}
            objective = load_objective(path, own)
            read = read_settings({name: value for name, value in given.items() if name in common}, common, text)
            untyped = {name: Setting(name, name, Any, None).read(value) for name, value in own.items()}
            known = own_settings(objective, f"objective {text}") if is_dataclass(objective) else untyped
            values = known | _common(shared) | read
            return cls(label or written, first, values, objective, source_of(objective, path))
        kind = read_kind([name for name, _ in terms], text)
        settings = settings_of_kind(kind)
        fixed: dict[str, Any] = {}
        for (_, given), name in zip(terms, kind.split("+"), strict=True):
            known = {each.field: each for each in OBJECTIVES[name].settings}
            fixed |= read_settings(given, known | {each.option: each for each in settings}, text)
        values = {each.option: {**shared, **fixed}.get(each.option, each.default) for each in settings}
        return cls(label or written, kind, values, fixed=frozenset(fixed), shared=frozenset(shared))

    @classmethod
    def of(cls, objective: Any, name: str | None = None, shared: Mapping[str, Any] | None = None) -> "ObjectiveSpec":
        """The spec of text, of another spec, or of an existing object.

        Examples:
            >>> from cmploss import CmpDrop, Comparative
            >>> ObjectiveSpec.of(Comparative(CmpDrop(2))).name
            'comparative(n_drop=2)'
        """
        shared = shared or {}
        _check_label(name)
        if isinstance(objective, (str, ObjectiveSpec)):
            spec = cls.parse(objective, shared) if isinstance(objective, str) else objective
            return replace(spec, name=name or spec.name)
        label = f"objective {name!r}" if name else "objectives"
        if isinstance(objective, type):
            raise UserError(f"{label}: {objective.__name__} is a class; give an instance, {objective.__name__}()")
        if not callable(objective):
            raise UserError(f"{label}: a {type(objective).__name__} is not callable; give (model, batch) -> output")
        found, common = describe(objective), _common(shared)
        if found is not None:
            kind, given = found[0], found[1] | common
            values = {each.option: given.get(each.option, each.default) for each in settings_of_kind(kind)}
            spec = cls("", kind, values, fixed=frozenset(values))
        else:
            kind = qualified_name(objective)
            settings = own_settings(objective, f"objective {name or kind}") | common
            spec = cls("", kind, settings, objective, source_of(objective))
        written = kind.rpartition(":")[2]
        named = found is not None or is_dataclass(objective)  # the attributes of other objects may be long
        return replace(spec, name=name or (spec._written(written) if named else written))

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> "ObjectiveSpec":
        """The spec of a record's entry; a user's own objective is imported only when it is built."""
        settings, varied = dict(entry["settings"]), entry.get("varied") or {}
        return cls(entry["name"], entry["kind"], settings, source=entry.get("source"), varied=varied)

    def to_dict(self) -> dict[str, Any]:
        source = None if self.source is None else dict(self.source)
        varied = {"varied": dict(self.varied)} if self.varied else {}
        return {"name": self.name, "kind": self.kind, "settings": dict(self.settings), "source": source, **varied}

    def to_cli(self) -> dict[str, Any]:
        """Options that reproduce this spec: ``objectives``, and the settings as separate options.

        >>> ObjectiveSpec.parse("rdrop(alpha=2)").to_cli()
        {'objectives': 'rdrop(alpha=2)', 'alpha': 2.0, 'engine': 'auto', 'dropout_p': None, 'class_pairs': False}
        """
        options = dict(self.settings) if self.source is None else _common(self.settings)
        written = re.sub(r"\([^()]*\)", "", self.name)
        if ALIASES.get(written, written) == self.kind:
            return {"objectives": self.name, **options}
        text = self.kind if self.source is None else self._written(self.kind)
        return {"objectives": f"{self.name}={text}", **options}

    def build(self) -> Objective:
        """The objective."""
        if self.own is not None:
            return self.own
        if self.source is not None:
            raise UserError(f"objective {self.name}: a record does not contain the object {self.kind}; give the object")
        try:
            return build_kind(self.kind, self.settings)
        except ValueError as error:
            raise UserError(f"objective {self.name}: {error}") from error

    def for_run(self) -> Objective:
        """The objective of one run: a copy of an object, so that no run has the state that another one left."""
        try:
            return self.build() if self.own is None else deepcopy(self.own)
        except Exception as error:  # a user's object may raise anything
            raise UserError(f"objective {self.name}: cannot be copied for each run: {one_line(error)}") from error

    @property
    def importable(self) -> bool:
        """Whether other processes can import it: it is picklable and not defined in the started script."""
        try:
            return bool(pickle.dumps(self)) and not self.kind.startswith("__main__:")
        except (pickle.PicklingError, AttributeError, TypeError):
            return False

    @property
    def is_baseline(self) -> bool:
        return self.kind in OBJECTIVES and OBJECTIVES[self.kind].baseline

    @property
    def class_pairs(self) -> bool:
        """Whether batches are sampled with class pairs."""
        return bool(self.settings.get("class_pairs", False))

    @property
    def without_evidence(self) -> float:
        """Share of the training questions that are read without their evidence."""
        return float(self.settings.get("without_evidence", 0.0)) if self.source is None else 0.0

    @property
    def search_space(self) -> dict[str, tuple[Any, ...]]:
        """The settings that a search tries, and their values.

        Settings in parentheses are fixed, and ``n_drop`` 0 is kept.

        >>> ObjectiveSpec.parse("comparative(n_drop=2)+rdrop").search_space
        {'alpha': (0.5, 1.0, 2.0, 5.0)}
        """
        if self.source is not None:
            return {}
        fixed = self.fixed | ({"n_drop"} if not self.settings.get("n_drop") else set())
        return {
            each.option: each.search for each in settings_of_kind(self.kind) if each.search and each.option not in fixed
        }

    def with_settings(self, settings: Mapping[str, Any]) -> "ObjectiveSpec":
        return replace(self, settings={**self.settings, **settings})

    def _written(self, kind: str) -> str:
        """A kind with the settings that differ from their defaults."""
        if self.source is None:
            defaults = {each.option: each.default for each in settings_of_kind(self.kind)}
        else:
            defaults = {name: value for name, value in self.settings.items() if isinstance(value, (list, dict))}
            defaults |= {each.option: each.default for each in COMMON}
        changed = [
            f"{name}={_text(value)}"
            for name, value in self.settings.items()
            if name not in defaults or defaults[name] != value
        ]
        return f"{kind}({','.join(changed)})" if changed else kind


def parse_objectives(
    objectives: str | Sequence[Any] | Mapping[str, Any], shared: Mapping[str, Any] | None = None
) -> tuple[ObjectiveSpec, ...]:
    """The objectives of a study.

    Examples:
        >>> [spec.name for spec in parse_objectives("supervised, comparative(n_drop=2, n_crop=1)")]
        ['supervised', 'comparative(n_drop=2,n_crop=1)']
    """
    if isinstance(objectives, str):
        objectives = split_outside(objectives, ",")
    if isinstance(objectives, Mapping):
        specs = tuple(ObjectiveSpec.of(each, str(name), shared) for name, each in objectives.items())
    elif isinstance(objectives, Sequence):
        specs = tuple(ObjectiveSpec.of(each, None, shared) for each in objectives)
    else:
        specs = (ObjectiveSpec.of(objectives, None, shared),)
    names = [spec.name for spec in specs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"--objectives: {twice} appears twice; give each objective its own name, as in a={twice}")
    if not specs:
        raise UserError("--objectives must name at least one objective")
    unlabelled = [spec for spec in specs if re.sub(r"\(.*?\)", "", spec.name) == spec.kind]
    for one, other in combinations(unlabelled, 2):
        if (one.kind, one.settings) == (other.kind, other.settings):
            raise UserError(
                f"--objectives: {one.name} and {other.name} are the same objective; leave one out, or give it a name "
                f"of its own, as in a={other.name}"
            )
    return specs


def _check_label(label: str | None) -> None:
    if label is not None and not re.fullmatch(r"[\w.+\-=(),:]+", label):
        raise UserError(f"objective name {label!r}: use letters, digits and _ - . + only")


def note_unused(specs: Sequence[ObjectiveSpec], shared: Mapping[str, Any], dropout_power: str | None) -> None:
    """Say which shared settings no objective takes: it lacks them, or has its own values in parentheses.

    ``dropout_power`` is the option by that name: submodels that are scored have ``dropout_p`` too.
    """
    taken = {each.option for each in COMMON} | ({"dropout_p"} if dropout_power is not None else set())
    for spec in specs:
        taken |= set(spec.settings) - spec.fixed if spec.source is None else set()
    unused = [f"--{name} {_text(value)}" for name, value in shared.items() if name not in taken]
    if unused:
        names = ", ".join(spec.name for spec in specs)
        logger.warning("note: %s has no effect: no objective takes it from there (%s)", ", ".join(unused), names)


def _common(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {each.option: settings.get(each.option, each.default) for each in COMMON}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)
