"""The task of each run of a study."""

from typing import Any

from cmploss.model_config import ModelConfig
from cmploss.studies.run_config import RunConfig
from cmploss.tasks.base import LearningTask
from cmploss.tasks.folds import Fold

ENCODING = ("model", "max_length", "pooling")
"""Settings of a model that determine the vector of an example from a frozen encoder."""


class RunTasks:
    """The task of a study for each of its runs: with the splits of the run's fold, encoded for the run's model.

    A task is made when a run first needs it; the tasks of a fold are kept for its other runs.

    Args:
        task: The task of the study.
        model: The model that the task is encoded for.
    """

    def __init__(self, task: LearningTask, model: ModelConfig):
        self.task, self.model, self.name = task, model, task.name
        self._fold: Fold | None = None
        self._made: dict[Any, LearningTask] = {}

    def of(self, config: RunConfig) -> LearningTask:
        key, same = _encoding(config.model_config), _encoding(config.model_config) == _encoding(self.model)
        if config.fold is None and same:
            return self.task
        if config.fold != self._fold:
            self._fold, self._made = config.fold, {}
        if key not in self._made:
            task = self.task if same else self.task.with_model(config.model_config)
            self._made[key] = task if config.fold is None else task.fold(config.fold)
        return self._made[key]

    def __reduce__(self) -> Any:  # other processes make what they need
        return RunTasks, (self.task, self.model)


def _encoding(model: ModelConfig) -> tuple[Any, ...]:
    return tuple(getattr(model, name) for name in (*ENCODING, "head_init"))
