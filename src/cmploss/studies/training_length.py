"""The training length of a study without an option for it: by pilot runs and the loss on the validation split."""

import math
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cmploss.atomic import read_json, write_json
from cmploss.errors import UserError
from cmploss.experiment.run_dir import FAILED_FILE, LENGTH_FILE, PILOT_FOLDER, check_same, failure_of
from cmploss.studies.run import Advance, progress, run_one
from cmploss.studies.run_config import RunConfig
from cmploss.studies.run_tasks import RunTasks
from cmploss.tasks.base import LearningTask
from cmploss.tasks.splits import SELECTION_SPLIT

PILOT_SEED = 1001
"""The seed of all pilot runs; reported runs and searches use other seeds."""
FLAT = 0.05
"""A length is enough if twice its steps lower the validation loss by less than this share."""
MOST_DOUBLINGS = 4


@dataclass(frozen=True)
class Pilot:
    """A pilot run: its number of steps, and the smallest loss on the validation split that it reached."""

    steps: int
    loss: float


def is_enough(pilots: Sequence[Pilot]) -> bool:
    """Whether the last pilot run, twice as long as the one before, lowered the loss by less than 5 %.

    >>> is_enough([Pilot(100, 0.8)]), is_enough([Pilot(100, 0.8), Pilot(200, 0.7)])
    (False, False)
    >>> is_enough([Pilot(100, 0.8), Pilot(200, 0.77)])
    True
    """
    if len(pilots) < 2:
        return False
    shorter, longer = pilots[-2:]
    return longer.loss > (1 - FLAT) * shorter.loss or len(pilots) > MOST_DOUBLINGS


def chosen_steps(pilots: Sequence[Pilot]) -> int:
    """The shortest length that is enough; the longest one if none is.

    >>> chosen_steps([Pilot(100, 0.8), Pilot(200, 0.77)]), chosen_steps([Pilot(100, 0.8), Pilot(200, 0.7)])
    (100, 200)
    """
    shorter, longer = pilots[-2:]
    return shorter.steps if longer.loss > (1 - FLAT) * shorter.loss else longer.steps


def known_length(config: RunConfig, task: LearningTask, folder: Path) -> RunConfig | None:
    """A run with the training length that finished pilot runs chose (see :func:`find_length`); None before that."""
    pilots = _written(folder / LENGTH_FILE, _pilot(config).settings(task))
    if not is_enough(pilots):
        return None
    facts = {**_pilot(config).length, "pilots": [vars(each) for each in pilots]}
    return replace(config, length=facts, training={**config.training, "max_steps": chosen_steps(pilots)})


@dataclass(frozen=True)
class PilotJob:
    """The next pilot run of a study; finished ones are in its ``length.json``.

    The first pilot run has the default length; each further one is twice as long as the one before.
    ``config`` is a run of the baseline; pilot runs differ from it only in the seed and the length.
    """

    config: RunConfig
    study: Path

    @property
    def folder(self) -> Path:
        return self.study / PILOT_FOLDER

    def do(self, tasks: RunTasks, advance: Advance) -> int:
        """Train, and add the smallest loss on the selection split to the file.

        Raises:
            UserError: The file holds the pilot runs of another study, or there is no finite loss.
        """
        path, pilot, task = self.study / LENGTH_FILE, _pilot(self.config), tasks.of(self.config)
        settings = pilot.settings(task)
        pilots = _written(path, settings)
        steps = self.config.steps(task.examples(self.config.sample)) << len(pilots)
        longer = replace(pilot, training={**self.config.training, "max_steps": steps})
        callbacks = [progress(longer, advance)]
        finished = run_one(longer, task, self.folder / str(steps), selected_on=SELECTION_SPLIT, callbacks=callbacks)
        losses = [point["eval_loss"] for point in finished.record.history if "eval_loss" in point]
        loss = min((each for each in losses if math.isfinite(each)), default=None)
        if loss is None:
            raise UserError(
                f"{self.config.objective} has no finite loss on {SELECTION_SPLIT}; give a smaller --learning_rate, or "
                "--max_steps to train without a pilot run"
            )
        write_json(path, {"settings": settings, "pilots": [vars(each) for each in (*pilots, Pilot(steps, loss))]})
        shutil.rmtree(self.folder)
        return finished.interrupted


def find_length(
    config: RunConfig,
    task: LearningTask,
    folder: Path,
    do: Callable[[Iterable[PilotJob]], Iterable[PilotJob]],
    done: Callable[[Pilot], None],
) -> RunConfig:
    """A run with the training length that its pilot runs choose: its steps and its ``length``.

    Args:
        config: A run of the baseline.
        task: The task of the run.
        folder: The folder of the study.
        do: Does jobs, and yields each when it has ended.
        done: Called with every finished pilot run.

    Raises:
        UserError: The folder holds the pilot runs of another study, or a pilot run has failed.
        Interrupted: After Ctrl-C, once the pilot run that is running has written a checkpoint.
    """

    def jobs() -> Iterator[PilotJob]:
        while known_length(config, task, folder) is None:
            yield PilotJob(config, folder)

    for job in do(jobs()):
        error = failure_of(job.folder)
        if error is not None:
            raise UserError(f"pilot run failed: {error} (see {job.folder / FAILED_FILE})")
        done(pilots_in(folder / LENGTH_FILE)[1][-1])
    return known_length(config, task, folder) or config


def length_is_open(training: Mapping[str, Any], steps: str | None, task: LearningTask) -> bool:
    """Whether no option gives the training length, and the Trainer scores the task on its validation split."""
    given = steps is not None or "num_train_epochs" in training or training.get("max_steps", -1) > 0
    given = given or bool(training.get("early_stopping_patience"))  # it chooses the length of each run
    scored = type(task).scorer is not LearningTask.scorer
    return not given and scored and task.validation() is not None


def _pilot(config: RunConfig) -> RunConfig:
    facts = {"by": f"loss on {SELECTION_SPLIT}", "objective": config.spec.name, "seed": PILOT_SEED, "flat": FLAT}
    return replace(config, seed=PILOT_SEED, powers=(), depths=(), length=facts)


def _written(path: Path, settings: dict[str, Any]) -> list[Pilot]:
    if not path.exists():
        return []
    earlier, pilots = pilots_in(path)
    earlier.pop("score_layers", None)  # of an earlier version, whose pilot runs scored submodels
    fault = f"{path} holds the pilot runs of another study"
    check_same(earlier, settings, fault, "choose another --output_dir")
    return pilots


def pilots_in(path: Path) -> tuple[dict[str, Any], list[Pilot]]:
    """The settings of pilot runs, and the runs."""
    return read_json(
        path,
        lambda found: (
            dict(found["settings"]),
            [Pilot(int(each["steps"]), float(each["loss"])) for each in found["pilots"]],
        ),
    )
