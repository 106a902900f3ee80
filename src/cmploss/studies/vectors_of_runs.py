"""The [CLS] vectors of runs: kept next to their records, and scored by silhouette."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cmploss.atomic import writing
from cmploss.errors import UserError
from cmploss.experiment import RunRecord
from cmploss.reports import silhouette
from cmploss.tasks.base import LearningTask, eval_split

VECTORS_FILE = "vectors.npy"
SILHOUETTE = "silhouette"  # in a record's data


def check_classes(task: LearningTask) -> None:
    """Refuse a task without classes to colour the vectors by."""
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
