"""The command that repeats a study, from the objectives and the settings in its records."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from cmploss.experiment import Noise, RunRecord
from cmploss.experiment.spec import ObjectiveSpec

_NOT_OPTIONS = (
    *("task", "data", "objective", "seed", "few_shot", "noise", "training", "search", "then"),
    *("kind", "chat", "label_names", "processes"),
)

_OPTIONS = {"template": "prompt"}
"""Settings whose option has another name."""
OF_TASK = {"template": "rag", "query_length": "prf", "max_question_tokens": "question_answering"}
"""Settings that tell the task of a user's own files."""
NAMED = ("squad", "squad_v2", "hotpotqa", "question_answering", "stsb")
"""Tasks whose data have a name; those of classification are known by their classes."""


def commands_of(runs: Mapping[str, Sequence[RunRecord]]) -> dict[str, str]:
    """Objectives → the command that repeats their runs: one for all rows if their options agree.

    Rows of ``--vary`` have their own commands, because a row may have the default of a setting that another row gives.

    A command does not name the source of the data, the subset that was taken, or the run that was continued. It has the
    settings that a search found, not the search. Records of ``retrieve evaluate`` have their command.
    """
    found = {name: of for name, of in runs.items() if of}
    if commands := {run.data["command"]: None for of in found.values() for run in of if "command" in run.data}:
        return {", ".join(found): "\n".join(commands)}
    options = [_options(of) for of in found.values()]
    merged: dict[str, Any] = {}
    for each in options:
        merged |= each
    merged["objectives"] = ",".join(each["objectives"] for each in options)
    merged["seeds"] = max((each["seeds"] for each in options if each["seeds"]), default=None)
    alone, varied = ("objectives", "seeds"), any(of[0].objective.get("varied") for of in found.values())
    same = all(merged[name] == value for each in options for name, value in each.items() if name not in alone)
    if same and not varied:
        return {", ".join(found): _command(merged)}
    return {name: _command(each) for name, each in zip(found, options, strict=True)}


def _options(runs: Sequence[RunRecord]) -> dict[str, Any]:
    first = runs[0]
    training = dict(first.settings.get("training", {}))
    if len({run.condition.steps for run in runs}) > 1:
        training.pop("max_steps", None)
    noise = first.condition.noise
    return {
        "task": _task(first),
        **ObjectiveSpec.from_dict(first.objective).to_cli(),
        "seeds": None if "folds" in first.settings else max(run.seed for run in runs) + 1,
        "few_shot": first.condition.train_size,
        "noise": None if noise == Noise() else noise,
        **{
            _OPTIONS.get(name, name): value
            for name, value in first.settings.items()
            if name not in _NOT_OPTIONS and not isinstance(value, dict)
        },
        "measures": _measures(first.settings.get("measures", {})),
        **training,
    }


def _task(run: RunRecord) -> str:
    """The value of ``--task``: of a user's own files the kind of task, which their name does not tell."""
    name, settings = run.benchmark.task, run.settings
    if name in NAMED:
        return name
    if "kind" in settings:
        return str(settings["kind"])
    found = next((task for setting, task in OF_TASK.items() if setting in settings), None)
    return found or (name if run.data.get("label_names") else "regression")


def _command(options: Mapping[str, Any]) -> str:
    words = [f"--{name} {_word(value)}" for name, value in options.items() if value is not None]
    return " ".join(["cmploss compare", *words])


def _measures(sources: dict[str, Any]) -> list[str] | None:
    """Names and import paths of measures; None for those of the task."""
    return [f"{name}={source['import']}" if source.get("import") else name for name, source in sources.items()] or None


def _word(value: Any) -> str:
    if isinstance(value, list):
        return shlex.quote(",".join(map(str, value)))
    return shlex.quote(str(value).lower() if isinstance(value, bool) else str(value))
