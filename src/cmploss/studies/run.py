"""One run: train with an objective, predict, and write a record."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from transformers import EarlyStoppingCallback, PrinterCallback, TrainerCallback

from cmploss.ablation.depths import layer_stack
from cmploss.ablation.exit_heads import add_exit_heads, exit_depths, take_exit_heads
from cmploss.ablation.variants import own_head_depths
from cmploss.atomic import write_json
from cmploss.errors import Interrupted, UserError
from cmploss.experiment import Benchmark, Condition, Noise, RunRecord, environment, write_record
from cmploss.experiment.run_dir import (
    RECORD_FILE,
    SECONDS_FILE,
    check_folder,
    check_space,
    claim_folder,
    clear_session_files,
    earlier_seconds,
)
from cmploss.experiment.trackers import refuse_open_runs, tracked
from cmploss.models import add_lora, attention_of, dtype_of, load_tokenizer
from cmploss.studies.run_config import RunConfig
from cmploss.studies.run_notes import notes_on
from cmploss.studies.teacher import check_teacher
from cmploss.tasks.ablation_curve import check_submodels
from cmploss.tasks.base import LearningTask, Sample, eval_split, splits_to_score
from cmploss.tasks.splits import Split
from cmploss.training import ObjectiveTrainer
from cmploss.training.callbacks import SaveOnInterrupt, StepProgress
from cmploss.training.checkpoints import keep_trained, newest_whole, restore_trained
from cmploss.training.layers import freeze, keep_layers, reinit_top_layers
from cmploss.training.memory import peak_memory_mb, reset_peak_memory
from cmploss.training.sampler import has_lengths

Advance = Callable[[int], None]
"""Called with the number of passes after every step, to show progress."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FinishedRun:
    """A run that is trained and scored."""

    record: RunRecord
    model: Any
    interrupted: int = 0  # the signal that came too late to interrupt it


def run_one(
    config: RunConfig,
    task: LearningTask,
    folder: Path,
    *,
    selected_on: Split | None = None,
    callbacks: Sequence[TrainerCallback] = (),
) -> FinishedRun:
    """Train and score one run; an interrupted run continues where it stopped.

    Args:
        config: The run.
        task: Its data, encoded for its model.
        folder: Where its settings and checkpoints go; :func:`finish` writes the record, which makes it finished.
        selected_on: The split that chooses runs or checkpoints, for the record.
        callbacks: For the Trainer.

    Raises:
        UserError: If the folder holds another run, or the settings are refused.
        Interrupted: After Ctrl-C or SIGTERM, once a checkpoint is written.
    """
    settings = config.settings(task)
    check_folder(folder, settings)
    save = SaveOnInterrupt()
    with tracked(config.tracking(folder)):
        trainer, seconds = _trained(config, task, folder, save, callbacks)
    record = _record(config, task, settings, trainer, seconds, selected_on)
    return FinishedRun(record, trainer.model, save.signal)


def _trained(
    config: RunConfig, task: LearningTask, folder: Path, save: SaveOnInterrupt, callbacks: Sequence[TrainerCallback]
) -> tuple[ObjectiveTrainer, float]:
    """The Trainer after its last step, and the seconds of training."""
    trainer = trainer_of(config, task, folder, [save, *callbacks])
    if config.start is None:
        start_heads(task, trainer.model, config.sample)
    else:
        take_exit_heads(trainer.model, config.start.checkpoint)
    trainer.accelerator.wait_for_everyone()  # every process has checked the folder before one writes into it
    claim_folder(folder, config.settings(task))
    checkpoint, faults = newest_whole(folder, trainer.args.max_steps)
    for fault in faults if trainer.is_world_process_zero() else ():
        logger.warning("note: %s; %s continues without it", fault, folder)
    seconds = 0.0 if checkpoint is None else earlier_seconds(folder, checkpoint.step)
    reset_peak_memory(trainer.args.device)
    if checkpoint is not None and checkpoint.trained:
        restore_trained(trainer, checkpoint)
    else:
        check_space(folder, trainer.model)
        start = time.perf_counter()
        with save:
            trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint.path))
        seconds += time.perf_counter() - start
        step = trainer.state.global_step if save.stopped else trainer.args.max_steps
        write_json(folder / SECONDS_FILE, {"seconds": seconds, "step": step})
        if save.stopped:
            raise Interrupted(save.signal)
        keep_trained(trainer, folder)
    return trainer, seconds


def progress(config: RunConfig, advance: Advance) -> StepProgress:
    return StepProgress(lambda steps: advance(config.passes * steps))


def finish(record: RunRecord, folder: Path, *, keep_checkpoints: bool = False) -> None:
    """Write the record of a run, then remove the files of its sessions, with its checkpoints unless they are kept."""
    write_record(record, folder / RECORD_FILE)
    clear_session_files(folder, keep_checkpoints=keep_checkpoints)


def check_run(config: RunConfig, task: LearningTask) -> None:
    """Refuse what training would refuse, without writing: everything is built, and one batch runs forward."""
    refuse_open_runs(config.tracking(Path()).names)
    task.examples(config.sample)  # refuses noise that the task cannot have
    if config.noise.kind == "back_translation" and config.translation is not None:
        load_tokenizer(config.translation.forward)
        load_tokenizer(config.translation.backward)
    task.check_run(config.spec.kind, config.submodels)
    if config.teacher and task.model:
        check_teacher(config.teacher, task)
    config = untranslated(config)
    with TemporaryDirectory() as scratch:
        try:
            trainer = trainer_of(config, task, Path(scratch), [])
            model: Any = trainer.model
            try:
                trainer.create_optimizer_and_scheduler(trainer.args.max_steps)
            except (ValueError, TypeError, ImportError) as error:
                fault = " ".join(str(error).split())
                raise UserError(f"--optim, --lr_scheduler_type or their options: {fault}") from error
            batch = next(iter(trainer.get_train_dataloader()), None)
            if batch is None:
                size = trainer.args.train_batch_size
                raise UserError(
                    f"--dataloader_drop_last true: there is no batch of {size} examples; give a smaller one"
                )
            batch = trainer._prepare_inputs(batch)
            with torch.no_grad(), trainer.compute_loss_context_manager():
                loss = trainer.compute_loss(model.train(), batch)
        except UserError:
            raise
        except (ValueError, RuntimeError, KeyError, ImportError, IndexError) as error:
            raise UserError(f"objective {config.objective}: {' '.join(str(error).split())}") from error
        except Exception as error:
            if config.spec.source is None:
                raise
            raise UserError(
                f"objective {config.objective}: {type(error).__name__}: {' '.join(str(error).split())}; it must return "
                "an ObjectiveOutput for (model, batch, task_loss)"
            ) from error
        if loss.ndim:
            shape = tuple(loss.shape)
            raise UserError(f"objective {config.objective}: its loss must be a scalar tensor, got the shape {shape}")


def untranslated(config: RunConfig) -> RunConfig:
    """The run without back-translation, which takes long and writes a cache."""
    return replace(config, noise=Noise()) if config.noise.kind == "back_translation" else config


def new_model(config: RunConfig, task: LearningTask) -> Any:
    """The run's model with its new head; :meth:`LearningTask.start_head` may change its weights later."""
    own_heads = own_head_depths(config.spec.build())
    if config.model_config.adapter is not None and (own_heads or config.model_config.num_layers):
        raise UserError("--lora is saved without its model; leave out --lora, or --num_layers and --exit_heads own")
    start = config.start.checkpoint if config.start else None
    model = task.new_model(config.seed, start)
    keep_layers(model, config.model_config.num_layers)
    reinit_top_layers(model, config.model_config.reinit_layers)
    freeze(model, config.model_config.freeze)
    if config.model_config.adapter is not None:
        model = add_lora(model, config.model_config.adapter, str(start or task.model))
    passes = [(variant.power, variant.p) for variant in config.variants if variant.power is not None]
    passes += [(power, config.submodels.p) for power in config.submodels.powers]
    check_submodels(model, config.model_config.model, passes, config.depths)
    add_exit_heads(model, own_heads)
    start_heads(task, model, None)
    return model


def start_heads(task: LearningTask, model: Any, sample: Sample | None) -> None:
    """Initialise the head, and those of submodels with fewer layers that have their own."""
    task.start_head(model, sample)
    for depth in exit_depths(model):
        with layer_stack(model).segment(depth):
            task.start_head(model, sample)


def trainer_of(
    config: RunConfig, task: LearningTask, folder: Path, callbacks: Sequence[TrainerCallback]
) -> ObjectiveTrainer:
    train = task.train(config.sample, config.crops)
    arguments = config.arguments(folder, config.steps(task.examples(config.sample)), task.measures[0])
    best_by = (arguments.metric_for_best_model or "loss").removeprefix("eval_")
    if best_by not in ("loss", *task.measures):
        raise UserError(f"--metric_for_best_model {best_by!r} is unknown; choose from loss, {', '.join(task.measures)}")
    if config.patience and task.validation() is None:
        raise UserError(f"--early_stopping_patience needs scores in training, which {task.name} has not; leave it out")
    weights = task.class_weights(config.sample) if config.training.get("class_weights") == "balanced" else None
    if "train_sampling_strategy" not in config.training and not has_lengths(train):
        arguments.train_sampling_strategy = "random"  # the default is by length
    model = new_model(config, task)
    trainer = ObjectiveTrainer(
        model=model,
        args=arguments,
        objective=config.spec.for_run(),
        train_dataset=train,
        eval_dataset=task.validation(),
        data_collator=task.collator(model),
        compute_metrics=task.scorer(model),
        preprocess_logits_for_metrics=task.kept_logits(),
        callbacks=[*callbacks, *([EarlyStoppingCallback(config.patience)] if config.patience else [])],
        class_weights=None if weights is None else torch.tensor(weights),
        class_pairs=config.spec.class_pairs,
        skip_nonfinite=config.skip_nonfinite,
        task_loss=task.task_loss(),
    )
    if task.batch_labels:
        trainer.label_names = list(task.batch_labels)
    trainer.remove_callback(PrinterCallback)
    return trainer


def _record(
    config: RunConfig,
    task: LearningTask,
    settings: dict[str, Any],
    trainer: ObjectiveTrainer,
    seconds: float,
    selected_on: Split | None,
) -> RunRecord:
    model: Any = trainer.model
    if config.powers and hasattr(model, "activation_checkpointing_disable"):  # reentrant ones cannot replay the masks
        model.activation_checkpointing_disable()
    results = task.results(model, trainer.args.per_device_eval_batch_size, config.submodels)
    steps = float(trainer.state.global_step)
    sizes: dict[Split, int] = {"train": config.few_shot or task.sizes["train"]}
    sizes |= {split: task.sizes[split] for split in splits_to_score(task) if split in task.sizes}
    skipped: list[str] = []
    if count := trainer.skipped_steps:
        skipped.append(f"{count} of {steps:.0f} steps were left out: a loss or gradient was not finite.")
        logger.warning("note: %s: %s", config.objective, skipped[0])
    notes = [*task.notes, *notes_on(config, task), *task.sample_notes(config.sample), *skipped]
    fingerprints = task.fingerprints()
    return RunRecord(
        benchmark=Benchmark(task.name, task.measures[0], eval_split(task), selected_on, config.unit),
        condition=Condition(config.few_shot, config.noise, trainer.args.max_steps),
        objective=config.spec.to_dict(),
        seed=config.seed,
        settings=settings,
        data={
            "splits": {split: {"examples": size, "sha256": fingerprints[split]} for split, size in sizes.items()},
            "label_names": list(task.label_names),
            "notes": [*notes, *_stopped(config, trainer)],
            **({"skipped_steps": count} if skipped else {}),
            **(config.fold.facts if config.fold else {}),
            **results.facts,
        },
        scores=results.scores,
        predictions=results.predictions,
        history=[
            {name: float(value) for name, value in entry.items()}
            for entry in trainer.state.log_history
            if "loss" in entry or "eval_loss" in entry
        ],
        cost={
            "seconds": seconds,
            "steps": steps,
            "passes_per_step": float(config.passes),
            "seconds_per_step": seconds / steps,
            "peak_memory_mb": peak_memory_mb(trainer.args.device),
        },
        environment={**environment(), "dtype": dtype_of(model), "attention": attention_of(model)},
    )


def _stopped(config: RunConfig, trainer: ObjectiveTrainer) -> list[str]:
    done, most, plural = trainer.state.global_step, trainer.args.max_steps, "s" * (config.patience != 1)
    note = f"Training stopped at step {done} of {most}: {config.patience} evaluation{plural} without a better score."
    return [note] if config.patience and done < most else []
