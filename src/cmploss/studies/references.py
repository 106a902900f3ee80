"""Reference rows of a study: simple models on the training samples of its runs."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from cmploss.experiment import REFERENCE, REFERENCE_FOLDER, RunRecord, environment, read_record, write_record
from cmploss.experiment.condition import Benchmark, Condition, Noise
from cmploss.studies.plan import PlannedRun, sample_words
from cmploss.tasks.base import LearningTask, eval_split, splits_to_score
from cmploss.tasks.splits import SELECTION_SPLIT


def write_references(task: LearningTask, runs: Sequence[PlannedRun], folder: Path) -> None:
    """Train and score the simple models of a task on every sample of a study, and write a record for each.

    Records go to ``reference/`` in the folder of the study. Existing records with the same settings are kept. All
    examples without noise are one sample, whatever the seed.
    """
    train = task.reference_rows()
    if train is None:
        return
    samples = {(run.config.sample, run.config.seed): run for run in runs}
    found: dict[Any, Any] = {}
    for (sample, seed), run in samples.items():
        settings = _settings(task, run)
        if _is_written(folder, run, settings):
            continue
        fixed = sample.size is None and sample.noise == Noise()
        key = replace(sample, seed=0) if fixed else sample
        if key not in found:
            start = time.perf_counter()
            found = {key: (train(key), time.perf_counter() - start)}  # seeds of one sample follow one another
        results, seconds = found[key]
        for name, result in results.items():
            objective = {"name": name, "kind": REFERENCE, "settings": result.facts, "source": None}
            path = _path(folder, name, run)
            path.unlink(missing_ok=True)
            record = RunRecord(
                benchmark=Benchmark(task.name, task.measures[0], eval_split(task), SELECTION_SPLIT),
                condition=Condition(sample.size, sample.noise),
                objective=objective,
                seed=seed,
                settings=settings,
                data={"splits": {split: {"examples": task.sizes[split]} for split in splits_to_score(task)}},
                scores=result.scores,
                cost={"seconds": seconds / len(results)},
                environment=environment(),
            )
            write_record(record, path)


def _settings(task: LearningTask, run: PlannedRun) -> dict[str, Any]:
    sample, translation = run.config.sample, run.config.translation
    models = [translation.forward, translation.backward] if translation else []
    return {
        "task": task.name,
        "data": dict(task.fingerprints()),
        "model": task.model,
        **task.settings,
        "few_shot": sample.size,
        "noise": asdict(sample.noise),
        "back_translation_models": models,
        "seed": sample.seed,
    }


def _is_written(folder: Path, run: PlannedRun, settings: dict[str, Any]) -> bool:
    paths = list((folder / REFERENCE_FOLDER).glob(_path(folder, "*", run).name))
    return bool(paths) and all(read_record(path).settings == json.loads(json.dumps(settings)) for path in paths)


def _path(folder: Path, name: str, run: PlannedRun) -> Path:
    words = sample_words(run.config.few_shot, run.config.noise)
    return folder / REFERENCE_FOLDER / f"{'_'.join([name, *words, f'seed-{run.config.seed}'])}.json"
