"""What is said about the settings of a run: nothing is wrong with them, but a user should know it."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from cmploss.model_files import layers_of
from cmploss.tasks.base import LearningTask
from cmploss.training_options import options_without_effect, processes

LARGE = 24  # layers of the large BERT, ELECTRA and RoBERTa


class RunSettings(Protocol):
    """What is read of a :class:`cmploss.studies.run_config.RunConfig`."""

    @property
    def spec(self) -> Any: ...
    @property
    def objective(self) -> str: ...
    @property
    def variants(self) -> Sequence[Any]: ...
    @property
    def teacher(self) -> str | None: ...
    @property
    def fold(self) -> Any: ...
    @property
    def training(self) -> Mapping[str, Any]: ...
    def with_defaults(self) -> Mapping[str, Any]: ...


def notes_on(config: RunSettings, task: LearningTask) -> tuple[str, ...]:
    """Settings that contradict published runs, a teacher that knows the test split, a small contrast, no effect."""
    found, of = [], config.spec.settings
    compares = of.get("target") == "ultra" and len(config.variants) > 1
    if compares and layers_of(task.model) >= LARGE:
        found.append(f"{config.objective}: published runs of models as large as {task.model} have --target first.")
    if config.teacher and config.fold is not None:
        found.append(f"{config.objective}: with --folds, a teacher trained on the same file knows the test splits.")
    training = config.with_defaults()
    accumulate = int(training.get("gradient_accumulation_steps") or 1)
    if accumulate > 1 and not getattr(config.spec.build(), "by_example", True):
        size = int(training["per_device_train_batch_size"]) * processes()
        found.append(
            f"{config.objective}: the {size} examples of a micro-batch are contrasted with one another, not the "
            f"{size * accumulate} of a step (--gradient_accumulation_steps {accumulate})."
        )
    return (*found, *options_without_effect(config.training, training, folds=config.fold is not None))
