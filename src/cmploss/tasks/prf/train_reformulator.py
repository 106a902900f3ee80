"""One training run of a reformulator: its folder and its record; it goes on where it was interrupted."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from cmploss.errors import UserError
from cmploss.experiment import Benchmark, Condition, RunRecord, Score, environment, write_record
from cmploss.experiment.run_dir import (
    RECORD_FILE,
    check_folder,
    clear_session_files,
)
from cmploss.experiment.schema1 import objective_of
from cmploss.models import load_tokenizer
from cmploss.retrieval.index import DenseIndex
from cmploss.retrieval.index_builder import encoder_of, has_known_encoder
from cmploss.retrieval.scoring import PRIMARY
from cmploss.retrieval.vector_models import VectorModel, sparse_model
from cmploss.studies.run import train_session
from cmploss.tasks.prf.prf_task import FeedbackRun, FeedbackTask, queries_fingerprint
from cmploss.tasks.prf.prf_training import ReformulationLoss, candidates, feedback_dataset, reformulator_trainer
from cmploss.tasks.prf.reformulators import dense_reformulator
from cmploss.tasks.prf.revisions import FeedbackReader
from cmploss.tasks.prf.trained_reformulator import TrainedFeedback
from cmploss.training import ObjectiveTrainer
from cmploss.training.callbacks import SaveOnInterrupt
from cmploss.training.memory import peak_memory_mb


def train_reformulator(
    run: FeedbackRun, task: FeedbackTask, folder: Path, callbacks: Sequence[TrainerCallback] = ()
) -> RunRecord:
    """Train a reformulator into ``folder``, or go on with it; the record is written last.

    Raises:
        UserError: The folder holds another run, or a setting or the model is refused.
        Interrupted: After Ctrl-C, once a checkpoint is written.
    """
    settings = run.settings(task)
    check_folder(folder, settings)
    save = SaveOnInterrupt()
    trained, trainer = build(run, task, folder, [save, *callbacks])
    seconds = train_session(trainer, folder, settings, save)
    record = _record(run, task, settings, trainer, seconds)
    trained.save(folder)
    write_record(record, folder / RECORD_FILE)
    clear_session_files(folder, checkpoints="save_strategy" not in run.training)
    return record


def build(
    run: FeedbackRun, task: FeedbackTask, folder: Path, callbacks: Sequence[TrainerCallback] = ()
) -> tuple[TrainedFeedback, ObjectiveTrainer]:
    """The reformulator before its training, and its Trainer."""
    config, run_config = run.config, run.run_config(task)
    model, tokenizer, prompt = _initial(run, task)
    reader = FeedbackReader(tokenizer, run.feedback, prompt=prompt)
    passages = candidates(task.index.vectors, *task.parts.values())
    options = {"seed": config.seed, "revisions": config.revisions, "shuffle": config.shuffle}
    train = feedback_dataset(task.train, task.documents, passages, reader, **options)
    validation = None
    if task.validation is not None:
        size = run.feedback.max_feedback
        validation = feedback_dataset(task.validation, task.documents, passages, reader, size=size)
    objective: Any = run_config.build_objective()
    trainer = reformulator_trainer(
        model,
        run_config.arguments(folder, run_config.steps(len(train))),
        objective,
        ReformulationLoss(passages, run.score_scale(task)),
        train,
        validation,
        None if validation is None else task.measure,
        callbacks,
    )
    retriever = {"model": task.index.model, "weights": task.index.settings.get("weights")}
    return TrainedFeedback(model, reader, retriever), trainer


def notes_of(task: FeedbackTask) -> list[str]:
    """What was left out."""
    return [
        f"{part}: {ranked.unused} judged queries without a relevant passage are left out"
        for part, ranked in task.parts.items()
        if ranked.unused
    ]


def _initial(run: FeedbackRun, task: FeedbackTask) -> tuple[VectorModel, Any, str]:
    """The reformulator to start from, its tokenizer, and what stands before a query."""
    if isinstance(task.index, DenseIndex):
        encoder = encoder_of(task.index, run.config.model)
        return dense_reformulator(encoder), encoder.module.tokenizer, encoder.module.prompts.get("query") or ""
    if has_known_encoder(task.index):
        start: Any = encoder_of(task.index, run.config.model)
        return start.model, start.tokenizer, ""
    if run.config.model is None:
        raise UserError(
            f"--model is missing: the sparse index of {task.index.model} was made elsewhere and does not say which "
            "encoder a reformulator starts from"
        )
    tokenizer = load_tokenizer(run.config.model)
    width = task.index.vectors.shape[1]
    return sparse_model(run.config.model, tokenizer, width=width), tokenizer, ""


def _record(
    run: FeedbackRun, task: FeedbackTask, settings: dict[str, Any], trainer: ObjectiveTrainer, seconds: float
) -> RunRecord:
    steps = float(trainer.state.global_step)
    scores = []
    if task.validation is not None:
        scores = [Score("validation", PRIMARY, 100 * trainer.evaluate()[f"eval_{PRIMARY}"])]
    return RunRecord(
        benchmark=Benchmark(
            task.name,
            PRIMARY,
            "validation" if scores else None,
            "validation" if trainer.args.load_best_model_at_end else None,
        ),
        condition=Condition(steps=trainer.args.max_steps),
        objective=objective_of("feedback", repr(run.run_config(task).build_objective())),
        seed=run.config.seed,
        settings=settings,
        data={
            "splits": {
                part: {"examples": len(ranked), "sha256": queries_fingerprint(ranked)["sha256"]}
                for part, ranked in task.parts.items()
            },
            "label_names": [],
            "notes": notes_of(task),
        },
        scores=scores,
        predictions={},
        history=[
            {name: float(value) for name, value in entry.items()}
            for entry in trainer.state.log_history
            if "loss" in entry or "eval_loss" in entry
        ],
        cost={
            "seconds": seconds,
            "steps": steps,
            "passes_per_step": float(run.config.revisions),
            "seconds_per_step": seconds / steps,
            "peak_memory_mb": peak_memory_mb(),
        },
        environment=environment(),
    )
