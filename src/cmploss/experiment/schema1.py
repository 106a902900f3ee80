"""Converts records of schema 1, with scores, noise and objective as display strings, to schema 2."""

import ast
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from cmploss.experiment.condition import NO_NOISE, Noise

# Class in the repr of an objective -> its arguments -> the names of the settings.
_SETTINGS: Mapping[str, Mapping[str, str]] = {
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
    "MultiSampleDropout": {"samples": "dropout_samples", "p": "dropout_p"},
}
_SPLIT = re.compile(r"(?P<split>\w+?)(?:_(?P<context_size>\d+)_paragraphs|_dropout_power_(?P<dropout_power>\d+))?")


def upgraded(document: Mapping[str, Any]) -> dict[str, Any]:
    """A record of schema 1 as a JSON object of schema 2."""
    settings, data = dict(document["settings"]), dict(document["data"])
    objective = objective_of(str(document["objective"]), str(settings.get("objective", "")))
    noise = asdict(Noise.parse(settings.get("noise") or NO_NOISE))
    if "noise" in settings:
        settings["noise"] = noise
    splits = {"eval_split": data.pop("reported_on", None), "selection_split": data.pop("selected_on", None)}
    steps = settings.get("training", {}).get("max_steps")
    kept = ("seed", "predictions", "cost", "environment", "created")
    return {
        "benchmark": {"task": document["task"], "measure": document["measure"], **splits},
        "condition": {"train_size": document.get("few_shot"), "noise": noise, "steps": steps, "others": {}},
        "objective": objective,
        "settings": settings | {"objective": objective},
        "data": {"splits" if name == "parts" else name: value for name, value in data.items()},
        "scores": [
            {"measure": measure, "value": value, **_place(name)}
            for name, measures in document["scores"].items()
            for measure, value in measures.items()
        ],
        "history": document["curves"],
        "schema": 2,
        **{name: document[name] for name in kept},
    }


def objective_of(name: str, described: str) -> dict[str, Any]:
    """An objective in schema 2, from its name and its ``repr``; without settings if the text is not a ``repr``.

    >>> objective_of("comparative(n_drop=2)", "Comparative(CmpDrop(n_drop=2), target='ultra')")["settings"]
    {'target': 'ultra', 'n_drop': 2}
    """
    settings: dict[str, Any] = {}
    for kind, given in _calls(described):
        if isinstance(given.get("revisions"), int):
            settings["n_crop"] = given["revisions"] - 1
        settings |= {
            setting: given[argument] for argument, setting in _SETTINGS.get(kind, {}).items() if argument in given
        }
        if kind == "CmpCrop":
            settings.setdefault("n_drop", 0)
    return {"name": name, "kind": re.sub(r"\([^()]*\)", "", name), "settings": settings, "source": None}


def _calls(described: str) -> list[tuple[str, dict[str, Any]]]:
    """For every object in a ``repr``: its class and its arguments with plain values."""
    try:
        tree = ast.parse(described, mode="eval")
    except SyntaxError:
        return []
    return [
        (node.func.id, {str(key.arg): key.value.value for key in node.keywords if isinstance(key.value, ast.Constant)})
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]


def _place(name: str) -> dict[str, Any]:
    """The split and the settings of inference in a name of schema 1 such as ``test_dropout_power_2``."""
    found = _SPLIT.fullmatch(name)
    values = found.groupdict() if found else {"split": name}
    return {
        "split": values.pop("split"),
        "at": {setting: int(value) for setting, value in values.items() if value is not None},
    }
