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
from cmploss.studies.cls_vectors import cls_vectors
from cmploss.studies.plan import PlannedRun
from cmploss.tasks.base import AnyData, LearningTask, reported_part
from cmploss.tasks.text import TaskData
from cmploss.tasks.text.text_task import TextTask

VECTORS_FILE = "vectors.npy"
SILHOUETTE = "silhouette"  # in a record's data


def check_classes(data: AnyData) -> None:
    """Refuse data whose vectors cannot be told apart by class.

    Raises:
        UserError: Not a classification of texts, or too few classes or examples in the reported part.
    """
    if not isinstance(data, TaskData) or not data.label_names:
        raise UserError(f"--embeddings needs classes, and {data.name} has none; leave the option out")
    labels = getattr(data, reported_part(data))["label"][:]
    if len(labels) < 4 or not 2 <= len(set(labels)) < len(labels):
        raise UserError(
            f"--embeddings: the {reported_part(data)} part of {data.name} has {len(labels)} examples of "
            f"{len(set(labels))} classes; it takes at least 4 examples, 2 classes, and fewer classes than examples"
        )


def with_silhouette(record: RunRecord, model: Any, task: LearningTask, folder: Path) -> RunRecord:
    """The record with the silhouette of the reported part's vectors, which are written into the folder of the run."""
    assert isinstance(task, TextTask)  # by check_classes
    part = reported_part(task.data)
    vectors = cls_vectors(model, task.tokenizer, task.part(part))
    with writing(folder / VECTORS_FILE) as file:
        np.save(file, vectors.astype(np.float32))
    value = silhouette(vectors, np.asarray(getattr(task.data, part)["label"][:]))
    return replace(record, data={**record.data, SILHOUETTE: round(value, 4)})


def draw_vectors(runs: Sequence[PlannedRun], data: AnyData, path: Path) -> None:
    """Draw the vectors that some runs have kept side by side; nothing where there are none."""
    kept = [run for run in runs if (run.folder / VECTORS_FILE).exists()]
    if kept:
        labels = np.asarray(getattr(data, reported_part(data))["label"][:])
        vectors = {run.config.objective: np.load(run.folder / VECTORS_FILE) for run in kept}
        shown = [embedding(objective, found, labels) for objective, found in vectors.items()]
        embedding_figure(shown, path, label_names=data.label_names)
