"""The estimated cost of a study, from a few timed steps."""

import statistics
import time
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from cmploss.studies.run import trainer_of, untranslated
from cmploss.studies.run_config import RunConfig
from cmploss.studies.study import Study
from cmploss.training.callbacks import StepProgress

TIMED_STEPS = 4


@dataclass(frozen=True)
class Estimate:
    """The estimated cost of the runs of one objective."""

    objective: str
    runs: int
    passes: int
    seconds_per_step: float
    minutes: float


def estimate(study: Study) -> list[Estimate]:
    """Time a few steps of every objective on real batches (clean text for back-translation); nothing is written."""
    estimates = []
    for name in study.objectives:
        runs = [run for run in study.own_runs if run.config.objective == name]
        remaining = [run.condition for run in runs if not run.finished]
        remaining += study.config.search_trials * [
            run.condition for run in runs[: len(study.conditions)] if not study.resolved(run)
        ]
        config = runs[-1].config  # of the last condition, which has the largest samples
        seconds = seconds_per_step(study, config)
        steps = sum(condition.steps or 0 for condition in remaining)
        estimates.append(Estimate(name, len(remaining), config.passes, seconds, steps * seconds / 60))
    return estimates


def seconds_per_step(study: Study, config: RunConfig) -> float:
    """Median time of a few optimizer steps of a run, after one to warm up."""
    once = {"max_steps": TIMED_STEPS + 1, "report_to": "none", "load_best_model_at_end": False}
    once |= {"early_stopping_patience": None}
    once |= {"eval_strategy": "no", "save_strategy": "no"}
    config = replace(untranslated(config), length={}, training={**config.training, **once})
    ends: list[float] = []
    with TemporaryDirectory() as scratch:
        callbacks = [StepProgress(lambda steps: ends.append(time.perf_counter()))]
        trainer_of(config, study.tasks.of(config), Path(scratch), callbacks).train()
    _, *ends = ends  # the first is the start
    return statistics.median(end - start for start, end in pairwise(ends))
