"""The estimated cost of a study, from a few timed steps."""

import statistics
import time
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from accelerate.utils import send_to_device

from cmploss.studies.run import new_model, untranslated
from cmploss.studies.run_config import RunConfig
from cmploss.studies.study import Study
from cmploss.training import train_loop

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
        runs = [run for run in study.runs if run.config.objective == name]
        remaining = [run.condition for run in runs if not run.finished]
        remaining += study.config.search_trials * [
            run.condition for run in runs[: len(study.conditions)] if not study.resolved(run)
        ]
        config = runs[-1].config  # the last condition has the largest samples
        seconds = seconds_per_step(study, config)
        steps = sum(condition.steps or 0 for condition in remaining)
        estimates.append(Estimate(name, len(remaining), config.passes, seconds, steps * seconds / 60))
    return estimates


def seconds_per_step(study: Study, config: RunConfig) -> float:
    """Median time of a few optimizer steps of a run, after one to warm up."""
    arguments = config.arguments(study.folder, 1)
    task = study.tasks.of(config)
    train: Any = task.train(untranslated(config).sample, config.crops)
    model = new_model(config, task).to(arguments.device)
    collate = task.collator(model)
    size = min(arguments.per_device_train_batch_size, len(train))
    accumulate = arguments.gradient_accumulation_steps
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(0)).tolist()
    batches = [
        send_to_device(collate([train[order[(number * size + i) % len(order)]] for i in range(size)]), model.device)
        for number in range((TIMED_STEPS + 1) * accumulate)
    ]
    optimizer = torch.optim.AdamW(model.parameters(), lr=arguments.learning_rate)
    steps = train_loop(model, batches, config.spec.build(), optimizer, accumulate=accumulate)
    ends = [time.perf_counter() for _ in steps]
    return statistics.median(end - start for start, end in pairwise(ends))
