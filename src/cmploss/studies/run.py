"""One run: train with an objective, predict, and describe it in a record."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from transformers import DataCollatorWithPadding, PreTrainedTokenizerBase, PrinterCallback, TrainerCallback

from cmploss.ablation.dropout import ablated_rates
from cmploss.errors import UserError
from cmploss.measures import score
from cmploss.models import load_tokenizer, new_classifier
from cmploss.records import RunRecord, environment, write_record
from cmploss.studies.folders import (
    RECORD_FILE,
    SECONDS_FILE,
    check_folder,
    claim_folder,
    clear_session_files,
    earlier_seconds,
    last_checkpoint,
    write_json,
)
from cmploss.studies.memory import peak_memory_mb, reset_peak_memory
from cmploss.studies.prediction import Predictions, predict
from cmploss.studies.settings import SELECTION_PART, RunConfig, reported_part, training_size
from cmploss.tasks import Part, TaskData, encode, few_shot
from cmploss.training import ObjectiveTrainer
from cmploss.training.callbacks import SaveOnInterrupt

CONTINUE = "; the same command continues where it stopped"


class Interrupted(KeyboardInterrupt):
    """Ctrl-C stopped a run after it had written a checkpoint."""


class EncodedTask:
    """A task's parts as token ids, each encoded once."""

    def __init__(self, data: TaskData, model: str, max_length: int):
        self.data = data
        self.tokenizer: PreTrainedTokenizerBase = load_tokenizer(model)
        # Saved with the model, so that it is evaluated as it was trained.
        self.tokenizer.model_max_length = min(max_length, self.tokenizer.model_max_length)
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
    """A finished run: its record and its model, and whether Ctrl-C came too late to interrupt it."""

    record: RunRecord
    model: Any
    tokenizer: PreTrainedTokenizerBase
    interrupted: bool = False


def run_one(
    config: RunConfig,
    task: EncodedTask,
    folder: Path,
    *,
    selected_on: Part | None = None,
    callbacks: Sequence[TrainerCallback] = (),
) -> FinishedRun:
    """Train and predict one run; continue it where an earlier session was interrupted.

    Args:
        config: The run.
        task: Its data, encoded for its model.
        folder: Where its settings and checkpoints go; :func:`finish` writes the record, which makes it finished.
        selected_on: The part by whose scores runs or checkpoints are chosen, for the record.
        callbacks: For the Trainer.

    Raises:
        UserError: If the folder holds another run, or the settings are refused.
        Interrupted: After Ctrl-C, once a checkpoint is written.
    """
    settings = config.settings(task.data)
    check_folder(folder, settings)
    save = SaveOnInterrupt()
    trainer = _trainer(config, task, folder, [save, *callbacks])
    trainer.accelerator.wait_for_everyone()  # every process has checked the folder before one writes into it
    claim_folder(folder, settings)
    earlier = earlier_seconds(folder)
    reset_peak_memory()
    start = time.perf_counter()
    with save:
        trainer.train(resume_from_checkpoint=last_checkpoint(folder))
    seconds = earlier + time.perf_counter() - start
    if save.interrupted and trainer.state.global_step < trainer.args.max_steps:
        write_json(folder / SECONDS_FILE, {"seconds": seconds})
        raise Interrupted(CONTINUE)
    record = _record(config, task, settings, trainer, seconds, selected_on)
    return FinishedRun(record, trainer.model, task.tokenizer, save.interrupted)


def finish(config: RunConfig, record: RunRecord, folder: Path) -> None:
    """Write the record of a run, then remove what it needed to be continued."""
    write_record(record, folder / RECORD_FILE)
    clear_session_files(folder, checkpoints="save_strategy" not in config.training)


def check_run(config: RunConfig, task: EncodedTask, folder: Path) -> None:
    """Refuse without writing what training would refuse: everything is built, and one batch run forward.

    Raises:
        UserError: If the folder holds another run, a setting or a training option is refused, or the model has no
            dropout to ablate.
    """
    check_folder(folder, config.settings(task.data))
    with TemporaryDirectory() as scratch:
        try:
            trainer = _trainer(config, task, Path(scratch), [])
            model: Any = trainer.model
            trainer.create_optimizer_and_scheduler(trainer.args.max_steps)
            batch = trainer._prepare_inputs(next(iter(trainer.get_train_dataloader())))
            with torch.no_grad(), trainer.compute_loss_context_manager():
                trainer.compute_loss(model.train(), batch)
        except UserError:
            raise
        except (ValueError, RuntimeError, KeyError, ImportError, IndexError) as error:
            raise UserError(f"--objective {config.objective}: {' '.join(str(error).split())}") from error


def new_model(config: RunConfig, data: TaskData) -> Any:
    """The run's model with its new head.

    Raises:
        UserError: If it cannot be loaded, or has no dropout that the objective could ablate.
    """
    chosen = config.model_config
    model = new_classifier(chosen.model, data.label_names, seed=config.seed, reinit_layers=chosen.reinit_layers)
    for variant in getattr(config.build_objective(), "variants", ()):
        if variant.power is not None:
            try:
                ablated_rates(model, variant.power, variant.p)
            except ValueError as error:
                raise UserError(f"model {chosen.model}: {error}") from error
    return model


def _trainer(
    config: RunConfig, task: EncodedTask, folder: Path, callbacks: Sequence[TrainerCallback]
) -> ObjectiveTrainer:
    train = task.train(config.few_shot, config.seed)
    measures = task.data.measures
    arguments = config.arguments(folder, config.steps(len(train)))
    best_by = (arguments.metric_for_best_model or "loss").removeprefix("eval_")
    if best_by not in ("loss", *measures):
        raise UserError(f"--metric_for_best_model {best_by!r} is unknown; choose from loss, {', '.join(measures)}")
    trainer = ObjectiveTrainer(
        model=new_model(config, task.data),
        args=arguments,
        objective=config.build_objective(),
        train_dataset=train,
        eval_dataset=task.part("validation"),
        data_collator=DataCollatorWithPadding(task.tokenizer),
        compute_metrics=lambda result: score(
            measures, _values(np.asarray(result.predictions)), np.asarray(result.label_ids)
        ),
        callbacks=list(callbacks),
        class_pairs=config.objective_config.class_pairs,
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def _record(
    config: RunConfig,
    task: EncodedTask,
    settings: dict[str, Any],
    trainer: ObjectiveTrainer,
    seconds: float,
    selected_on: Part | None,
) -> RunRecord:
    data = task.data
    reported_on = reported_part(data)
    size = trainer.args.per_device_eval_batch_size
    predictions = {
        part: predict(trainer.model, task.tokenizer, task.part(part), batch_size=size)
        for part in dict.fromkeys((SELECTION_PART, reported_on))
    }
    labels = {part: np.asarray(task.part(part)["labels"]) for part in predictions}
    steps = float(trainer.state.global_step)
    sizes = {"train": training_size(config, data)} | {part: len(labels[part]) for part in labels}
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
        cost={
            "seconds": seconds,
            "steps": steps,
            "passes_per_step": float(config.passes),
            "seconds_per_step": seconds / steps,
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
