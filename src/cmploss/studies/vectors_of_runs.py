"""The [CLS] vectors of a study's runs: kept beside their records, measured in them, drawn side by side."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cmploss.atomic import writing
from cmploss.errors import UserError
from cmploss.experiment import RunRecord
from cmploss.reports.vector_picture import embedding, embedding_figure, silhouette
from cmploss.studies.plan import PlannedRun
from cmploss.tasks.base import LearningTask, eval_split

VECTORS_FILE = "vectors.npy"
SILHOUETTE = "silhouette"  # in a record's data


def check_classes(task: LearningTask) -> None:
    """Refuse a task whose vectors cannot be told apart by class.

    Raises:
        UserError: Not a classification of texts, or too few classes or examples in the evaluation split.
    """
    if not task.label_names:
        raise UserError(f"--embeddings needs classes, and {task.name} has none; leave the option out")
    labels = task.labels(eval_split(task))
    if len(labels) < 4 or not 2 <= len(set(labels)) < len(labels):
        raise UserError(
            f"--embeddings: the {eval_split(task)} split of {task.name} has {len(labels)} examples of "
            f"{len(set(labels))} classes; it takes at least 4 examples, 2 classes, and fewer classes than examples"
        )


def with_silhouette(record: RunRecord, model: Any, task: LearningTask, folder: Path) -> RunRecord:
    """The record with the silhouette of the evaluation split's vectors, which are written next to it."""
    split = eval_split(task)
    vectors = task.vectors(model, split)
    with writing(folder / VECTORS_FILE) as file:
        np.save(file, vectors.astype(np.float32))
    value = silhouette(vectors, np.asarray(task.labels(split)))
    return replace(record, data={**record.data, SILHOUETTE: round(value, 4)})


def draw_vectors(runs: Sequence[PlannedRun], task: LearningTask, path: Path) -> None:
    """Draw the vectors that some runs have kept side by side; nothing where there are none."""
    kept = [run for run in runs if (run.folder / VECTORS_FILE).exists()]
    if kept:
        labels = np.asarray(task.labels(eval_split(task)))
        vectors = {run.config.objective: np.load(run.folder / VECTORS_FILE) for run in kept}
        shown = [embedding(objective, found, labels) for objective, found in vectors.items()]
        embedding_figure(shown, path, label_names=task.label_names)
