"""Reference rows of a study: simple models on the training samples of its runs."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from cmploss.experiment import REFERENCE, REFERENCE_FOLDER, RunRecord, environment, read_record, write_record
from cmploss.experiment.condition import Benchmark, Condition, Noise
from cmploss.experiment.objective_text import row_name
from cmploss.experiment.run_dir import folder_name
from cmploss.studies.plan import PlannedRun, sample_words
from cmploss.studies.run_tasks import ENCODING, RunTasks
from cmploss.tasks.base import LearningTask, eval_split, splits_to_score
from cmploss.tasks.splits import SELECTION_SPLIT

WITHOUT_ENCODER = ("tfidf",)
"""Simple models that do not use the model of the task."""


def write_references(tasks: RunTasks, runs: Sequence[PlannedRun], folder: Path) -> None:
    """Train and score the simple models of a task on every sample of a study, and write a record for each.

    Records go to ``reference/`` in the folder of the study. Existing records with the same settings are kept. All
    examples without noise are one sample for all seeds.

    If the study varies the encoding of texts, each variant has its own simple models, and its settings in their names.
    """
    samples = {(run.config.sample, run.config.seed, _variant(run)): run for run in runs}
    first = _variant(runs[0])
    train: dict[Any, Any] = {}
    found: dict[Any, Any] = {}
    for (sample, seed, variant), run in samples.items():
        task, varied = tasks.of(run.config), dict(variant)
        if (variant, run.config.fold) not in train:
            train = {**(train if run.config.fold is None else {}), (variant, run.config.fold): task.reference_rows()}
        fit, settings = train[variant, run.config.fold], _settings(task, run)
        if fit is None or _is_written(folder, run, settings):
            continue
        fixed = sample.size is None and sample.noise == Noise() and run.config.fold is None
        key = (replace(sample, seed=0) if fixed else sample, variant)
        if key not in found:
            start = time.perf_counter()
            found[key] = fit(key[0]), time.perf_counter() - start
        results, seconds = found[key] if fixed else found.pop(key)
        rows = {name: varied for name in results if name not in WITHOUT_ENCODER}
        rows |= {name: {} for name in results if name in WITHOUT_ENCODER and variant == first}
        paths = {name: _path(folder, row_name(name, named), run) for name, named in rows.items()}
        for name, named in rows.items():
            result, path = results[name], paths[name]
            objective = {"name": name, "kind": REFERENCE, "settings": result.facts, "source": None}
            path.unlink(missing_ok=True)
            record = RunRecord(
                benchmark=Benchmark(task.name, task.measures[0], eval_split(task), SELECTION_SPLIT, run.config.unit),
                condition=Condition(sample.size, sample.noise),
                objective={**objective, "varied": named} if named else objective,
                seed=seed,
                settings=settings,
                data={
                    "splits": {split: {"examples": task.sizes[split]} for split in splits_to_score(task)},
                    "together": [each.name for each in paths.values()],  # a process may be killed between two of them
                },
                scores=result.scores,
                cost={"seconds": seconds / len(results)},
                environment=environment(),
            )
            write_record(record, path)


def _variant(run: PlannedRun) -> tuple[tuple[str, Any], ...]:
    """The settings of the encoding of texts that the study varies."""
    return tuple((name, value) for name, value in run.config.spec.varied.items() if name in ENCODING)


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
    end = _path(folder, "", run).name
    paths = sorted(path for path in (folder / REFERENCE_FOLDER).glob("*.json") if path.name.endswith(end))
    sample, varied = run.config.sample, dict(_variant(run))
    records = [
        record
        for record in map(read_record, paths)
        if (record.condition.train_size, record.condition.noise) == (sample.size, sample.noise)
        and (record.objective.get("varied") or varied) == varied
    ]
    files = {file for record in records for file in record.data.get("together", ())}
    same = all(record.settings == json.loads(json.dumps(settings)) for record in records)
    return bool(records) and same and all((folder / REFERENCE_FOLDER / file).exists() for file in files)


def _path(folder: Path, name: str, run: PlannedRun) -> Path:
    words = sample_words(run.config.few_shot, run.config.noise)
    block = f"{run.config.unit}-{run.config.seed}"
    return folder / REFERENCE_FOLDER / f"{'_'.join([folder_name(name), *words, block])}.json"
