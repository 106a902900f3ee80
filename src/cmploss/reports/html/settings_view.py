"""The settings of a comparison: equal and different ones, data, machine and commands."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cmploss.experiment import RunRecord
from cmploss.experiment.run_dir import flat
from cmploss.reports.formatting import ABSENT
from cmploss.reports.html.commands import commands_of
from cmploss.reports.table import ComparisonTable


def settings_view(records: Sequence[RunRecord], table: ComparisonTable) -> dict[str, Any]:
    runs = {row.objective: list(row.runs.values()) for row in table.rows}
    data = [run.data for run in records]
    splits = []
    for name in dict.fromkeys(name for of in data for name in of.get("splits", {})):
        found = [of["splits"][name] for of in data if name in of.get("splits", {})]
        examples, fingerprint = (_joined(split.get(key) for split in found) for key in ("examples", "sha256"))
        splits.append((name, examples, fingerprint))
    return {
        "facts": facts_of({name: values_of(map(_settings, of)) for name, of in runs.items()}),
        "splits": splits,
        "notes": list(dict.fromkeys(note for of in data for note in of.get("notes") or [])),
        "environment": values_of([run.environment for run in records]),
        "commands": commands_of(runs),
        "whole": any("command" in run.data for run in records),
        "continued": any(run.settings.get("then") for run in records),
    }


def _settings(run: RunRecord) -> dict[str, Any]:
    """The settings of a run and of its objective, without the name of the objective."""
    objective = run.settings.get("objective")
    own = objective.get("settings", {}) if isinstance(objective, dict) else {}
    return {name: value for name, value in run.settings.items() if name != "objective"} | own


def values_of(documents: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Dotted name → its different values in some documents, joined by commas.

    >>> values_of([{"seed": 0, "training": {"lr": 0.1}}, {"seed": 1, "training": {"lr": 0.1}}])
    {'seed': '0, 1', 'training.lr': '0.1'}
    """
    found: dict[str, list[object]] = {}
    for document in documents:
        for name, value in flat(document).items():
            found.setdefault(name, []).append(value)
    return {name: _joined(values) for name, values in found.items()}


def facts_of(rows: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """The settings that are equal in all rows, and the values of those that differ.

    >>> facts_of({"a": {"lr": "0.1", "n_drop": "1"}, "b": {"lr": "0.1"}})
    {'equal': {'lr': '0.1'}, 'names': ['n_drop'], 'different': {'a': ['1'], 'b': ['–']}}
    """
    found = {
        name: [of.get(name, ABSENT) for of in rows.values()]
        for name in dict.fromkeys(name for of in rows.values() for name in of)
    }
    names = [name for name, values in found.items() if len(set(values)) > 1]
    return {
        "equal": {name: values[0] for name, values in found.items() if name not in names},
        "names": names,
        "different": {row: [found[name][place] for name in names] for place, row in enumerate(rows) if names},
    }


def _joined(values: Iterable[object]) -> str:
    """The different values, in the order of their first appearance."""
    return ", ".join(dict.fromkeys(value if isinstance(value, str) else json.dumps(value) for value in values))
