"""The command that makes a row of a table again, from the settings in its records."""

import ast
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from cmploss.experiment import RunRecord
from cmploss.experiment.condition import cell_of
from cmploss.experiment.spec import ObjectiveSpec

# Class in the entry of an objective → its settings → their options.
_OPTIONS: Mapping[str, Mapping[str, str]] = {
    "CmpDrop": {"n_drop": "n_drop", "p": "dropout_p"},
    "CmpCrop": {"n_crop": "n_crop"},
    "Supervised": {"p": "dropout_p"},
    "EqualCompute": {"engine": "engine"},
    "Comparative": {
        "target": "target",
        "ranking": "ranking",
        "temperature": "ranking_temperature",
        "engine": "engine",
    },
    "SupervisedContrastive": {"weight": "contrastive_weight", "temperature": "contrastive_temperature"},
    "RDrop": {"alpha": "alpha", "engine": "engine"},
    "LabelSmoothing": {"epsilon": "smoothing"},
    "Feedback": {"weight": "feedback_weight", "engine": "engine"},
}
_NOT_OPTIONS = ("task", "data", "objective", "seed", "few_shot", "training", "search", "then")


def command_of(runs: Sequence[RunRecord]) -> str:
    """The command that makes the runs of one objective again, from what is in a record.

    Not in it are where the data lay, what part of them was taken, and the folder of a run that was continued. What a
    search found is given in place of the search.

    Args:
        runs: Of one objective, which share all settings but the seed, and the steps where each sample has its own.
    """
    first = runs[0]
    training = dict(first.settings.get("training", {}))
    if len({cell_of(run).steps for run in runs}) > 1:
        training.pop("max_steps", None)
    options = {
        "task": first.task,
        "objectives": first.objective,
        "seeds": max(run.seed for run in runs) + 1,
        "few_shot": first.few_shot,
        **_objective_options(first.settings.get("objective", "")),
        **{name: value for name, value in first.settings.items() if name not in _NOT_OPTIONS},
        **training,
    }
    words = [f"--{name} {_word(value)}" for name, value in options.items() if value is not None]
    return " ".join(["cmploss compare", *words])


def _objective_options(entry: Any) -> dict[str, Any]:
    """Options from the spec of an objective, or from its ``repr``; nothing from text that is none."""
    if isinstance(entry, dict):
        return ObjectiveSpec.from_dict(entry).to_cli()
    try:
        tree = ast.parse(entry, mode="eval")
    except SyntaxError:
        return {}
    calls = [
        (node.func.id, {keyword.arg: keyword.value for keyword in node.keywords})
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    found: dict[str, Any] = {}
    for name, given in calls:
        revisions = given.get("revisions")
        if isinstance(revisions, ast.Constant) and isinstance(revisions.value, int):
            found["n_crop"] = revisions.value - 1
        for setting, option in _OPTIONS.get(name, {}).items():
            value = given.get(setting)
            if isinstance(value, ast.Constant):
                found[option] = value.value
    if "CmpCrop" in dict(calls):
        found.setdefault("n_drop", 0)
    return found


def _word(value: Any) -> str:
    if isinstance(value, list):
        return shlex.quote(",".join(map(str, value)))
    return shlex.quote(str(value).lower() if isinstance(value, bool) else str(value))
