"""One run: train with an objective, predict, and describe it in a record."""

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from transformers import DataCollatorWithPadding, PreTrainedTokenizerBase, PrinterCallback, TrainerCallback
from transformers.trainer_utils import get_last_checkpoint

from cmploss.ablation.dropout import ablated_rates
from cmploss.errors import UserError
from cmploss.measures import score
from cmploss.models import load_tokenizer, new_classifier
from cmploss.records import RunRecord, environment
from cmploss.studies.memory import peak_memory_mb, reset_peak_memory
from cmploss.studies.prediction import Predictions, predict
from cmploss.studies.settings import RunConfig, selection_and_report
from cmploss.tasks import TaskData, encode, few_shot
from cmploss.training import ObjectiveTrainer
from cmploss.training.callbacks import SaveOnInterrupt

SETTINGS_FILE = "settings.json"
RECORD_FILE = "record.json"


class Interrupted(KeyboardInterrupt):
    """Ctrl-C stopped a run after it had written a checkpoint."""


class EncodedTask:
    """A task's parts as token ids, each encoded once."""

    def __init__(self, data: TaskData, model: str, max_length: int):
        self.data = data
        self.tokenizer: PreTrainedTokenizerBase = load_tokenizer(model)
        self.max_length = max_length
        self.part = cache(self._part)

    def _part(self, name: str) -> Dataset:
        return self._encoded(getattr(self.data, name))

    def train(self, size: int | None, seed: int) -> Dataset:
        """The training examples of a run: all of them, or a few-shot sample of that size and seed."""
        return self.part("train") if size is None else self._encoded(few_shot(self.data.train, size, seed))

    def _encoded(self, dataset: Dataset) -> Dataset:
        return encode(dataset, self.tokenizer, self.max_length)


@dataclass(frozen=True)
class FinishedRun:
    """A finished run: its record and its model."""

    record: RunRecord
    model: Any
    tokenizer: PreTrainedTokenizerBase


def run_one(
    config: RunConfig, task: EncodedTask, folder: Path, *, callbacks: Sequence[TrainerCallback] = ()
) -> FinishedRun:
    """Train, predict and record one run; continue it where an earlier session was interrupted.

    Args:
        config: The run.
        task: Its data, encoded for its model.
        folder: Where its settings and checkpoints go; the caller writes the record, which makes it finished.
        callbacks: For the Trainer.

    Raises:
        UserError: If the folder holds another run, or the settings are refused.
        Interrupted: After Ctrl-C, once a checkpoint is written.
    """
    settings = config.settings(task.data)
    check_folder(folder, settings)
    train = task.train(config.few_shot, config.seed)
    model = new_model(config, task.data)
    steps = config.steps(len(train))
    arguments = config.arguments(folder, steps)
    claim_folder(folder, settings)
    save = SaveOnInterrupt()
    trainer = ObjectiveTrainer(
        model=model,
        args=arguments,
        objective=config.build_objective(),
        train_dataset=train,
        eval_dataset=task.part("validation"),
        data_collator=DataCollatorWithPadding(task.tokenizer),
        compute_metrics=lambda result: score(
            task.data.measures, _values(np.asarray(result.predictions)), np.asarray(result.label_ids)
        ),
        callbacks=[save, *callbacks],
    )
    trainer.remove_callback(PrinterCallback)
    reset_peak_memory()
    start = time.perf_counter()
    with save:
        trainer.train(resume_from_checkpoint=get_last_checkpoint(str(folder)))
    seconds = time.perf_counter() - start
    if save.interrupted and trainer.state.global_step < steps:
        raise Interrupted
    if "save_strategy" not in config.training:
        _remove_checkpoints(folder)
    record = _record(config, task, settings, trainer, {"seconds": seconds, "steps": float(steps)}, len(train))
    return FinishedRun(record, model, task.tokenizer)


def check_run(config: RunConfig, task: EncodedTask, folder: Path) -> None:
    """Refuse without writing what ``run_one`` would refuse.

    Raises:
        UserError: If the folder holds another run, a setting or a training option is refused, or the model has no
            dropout to ablate.
    """
    check_folder(folder, config.settings(task.data))
    config.arguments(folder, config.steps(len(task.train(config.few_shot, config.seed))))
    new_model(config, task.data)


def new_model(config: RunConfig, data: TaskData) -> Any:
    """The run's model with its new head.

    Raises:
        UserError: If it cannot be loaded, or has no dropout that the objective could ablate.
    """
    model = new_classifier(config.model_config.model, data.label_names, seed=config.seed)
    for variant in getattr(config.build_objective(), "variants", ()):
        if variant.power is not None:
            try:
                ablated_rates(model, variant.power, variant.p)
            except ValueError as error:
                raise UserError(f"model {config.model_config.model}: {error}") from error
    return model


def claim_folder(folder: Path, settings: dict[str, Any]) -> None:
    """Write the settings of a run into its folder, once it is known that it may use it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SETTINGS_FILE).write_text(json.dumps(settings, indent=1), encoding="utf-8")


def check_folder(folder: Path, settings: dict[str, Any]) -> None:
    """Check without writing that a run with these settings may use ``folder``.

    Raises:
        UserError: If the folder holds another run (naming the first setting that differs) or something else.
    """
    path = folder / SETTINGS_FILE
    if not path.exists():
        if in_use(folder):
            raise UserError(f"--output_dir {folder} is not empty and holds no run of ours; choose another folder")
        return
    found = _flat(json.loads(path.read_text(encoding="utf-8")))
    wanted = _flat(json.loads(json.dumps(settings)))
    for name in {**wanted, **found}:
        if found.get(name) != wanted.get(name):
            raise UserError(
                f"--output_dir {folder} already holds another run: its {name} is {found.get(name)!r}, "
                f"not {wanted.get(name)!r}; choose another folder"
            )


def in_use(folder: Path) -> bool:
    """Whether there is a file, or a folder that is not empty."""
    return folder.is_file() or (folder.is_dir() and any(folder.iterdir()))


def _flat(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return flat


def _record(
    config: RunConfig,
    task: EncodedTask,
    settings: dict[str, Any],
    trainer: ObjectiveTrainer,
    cost: dict[str, float],
    examples: int,
) -> RunRecord:
    data = task.data
    selected_on, reported_on = selection_and_report(data)
    predictions = {
        part: predict(
            trainer.model, task.tokenizer, task.part(part), batch_size=trainer.args.per_device_eval_batch_size
        )
        for part in dict.fromkeys((selected_on, reported_on))
    }
    labels = {part: np.asarray(task.part(part)["labels"]) for part in predictions}
    sizes = {"train": examples} | {part: len(labels[part]) for part in labels}
    fingerprints = data.fingerprints()
    return RunRecord(
        task=data.name,
        objective=config.objective,
        seed=config.seed,
        settings=settings,
        data={
            "parts": {part: {"examples": size, "sha256": fingerprints[part]} for part, size in sizes.items()},
            "label_names": list(data.label_names),
            "notes": list(data.notes),
            "selected_on": selected_on,
            "reported_on": reported_on,
        },
        scores={part: score(data.measures, found.values, labels[part]) for part, found in predictions.items()},
        measure=data.measures[0],
        predictions={part: _as_lists(found, labels[part]) for part, found in predictions.items()},
        curves=[
            {name: float(value) for name, value in entry.items()}
            for entry in trainer.state.log_history
            if "loss" in entry or "eval_loss" in entry
        ],
        cost=cost
        | {
            "passes_per_step": float(config.passes),
            "seconds_per_step": cost["seconds"] / cost["steps"],
            "peak_memory_mb": peak_memory_mb(),
        },
        environment=environment(),
        few_shot=config.few_shot,
    )


def _values(outputs: np.ndarray) -> np.ndarray:
    return outputs.reshape(len(outputs), -1)[:, 0] if outputs.shape[-1] == 1 else outputs.argmax(-1)


def _as_lists(found: Predictions, labels: np.ndarray) -> dict[str, Any]:
    return {
        "labels": labels.tolist(),
        "predictions": found.values.tolist(),
        "probabilities": found.probabilities.round(5).tolist(),
    }


def _remove_checkpoints(folder: Path) -> None:
    for checkpoint in folder.glob("checkpoint-*"):
        shutil.rmtree(checkpoint)
