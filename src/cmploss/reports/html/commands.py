"""The command that makes a row of a table again, from the objective and the settings in its records."""

import shlex
from collections.abc import Sequence
from typing import Any

from cmploss.experiment import Noise, RunRecord
from cmploss.experiment.spec import ObjectiveSpec

_NOT_OPTIONS = ("task", "data", "objective", "seed", "few_shot", "noise", "training", "search", "then")


def command_of(runs: Sequence[RunRecord]) -> str:
    """The command that makes the runs of one objective again.

    It does not name where the data were, which subset of them was taken, or the folder of a run that was continued.
    It gives what a search found in place of the search.
    """
    first = runs[0]
    if "command" in first.data:
        return str(first.data["command"])
    training = dict(first.settings.get("training", {}))
    if len({run.condition.steps for run in runs}) > 1:
        training.pop("max_steps", None)
    noise = first.condition.noise
    options = {
        "task": first.benchmark.task,
        **ObjectiveSpec.from_dict(first.objective).to_cli(),
        "seeds": None if "folds" in first.settings else max(run.seed for run in runs) + 1,
        "few_shot": first.condition.train_size,
        "noise": None if noise == Noise() else noise,
        **{
            name: value
            for name, value in first.settings.items()
            if name not in _NOT_OPTIONS and not isinstance(value, dict)
        },
        "measures": _measures(first.settings.get("measures", {})),
        **training,
    }
    words = [f"--{name} {_word(value)}" for name, value in options.items() if value is not None]
    return " ".join(["cmploss compare", *words])


def _measures(sources: dict[str, Any]) -> list[str] | None:
    """Names and import paths of measures; none where they are those of the task."""
    return [f"{name}={source['import']}" if source.get("import") else name for name, source in sources.items()] or None


def _word(value: Any) -> str:
    if isinstance(value, list):
        return shlex.quote(",".join(map(str, value)))
    return shlex.quote(str(value).lower() if isinstance(value, bool) else str(value))
