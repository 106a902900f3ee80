"""The trained model whose predictions another learns."""

from collections.abc import Mapping
from copy import copy
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cmploss.ablation import unwrap_model
from cmploss.errors import UserError
from cmploss.model_files import is_adapter
from cmploss.model_identity import model_identity
from cmploss.models import load_classifier, load_model
from cmploss.objectives.task_loss import Labels, class_head, head_of

GLOBAL = "global_attention_mask"
NAMED = ("single_label_classification", "multi_label_classification", "TokenClassification")
"""Heads whose outputs have the names of labels."""


def teacher_outputs(name: str, student: nn.Module, inputs: Mapping[str, Any], labels: Labels) -> Any:
    """The teacher's outputs, without a graph and with the labels in the order of the student's.

    Models of transformers ignore inputs that their architecture does not have, such as token types.

    Raises:
        UserError: If there is no such model, or it is for another task or other labels than the student.
    """
    plain: Any = unwrap_model(student)
    teacher = load_teacher(name, class_head(plain)).to(plain.device)
    head = head_of(student, labels)
    if head_of(teacher, labels) != head:
        raise UserError(f"--teacher {name} is for {head_of(teacher, labels)}, and the model that learns for {head}")
    if head == "QuestionAnswering" and hasattr(teacher.config, "attention_window") and GLOBAL not in inputs:
        raise UserError(f"--teacher {name} reads questions with global attention; the model that learns must do so too")
    with torch.no_grad(), torch.autocast(plain.device.type, enabled=False):
        outputs = copy(teacher(**inputs))
    if head in NAMED:
        outputs["logits"] = outputs.logits[..., _order(name, _names(teacher), _names(plain))]
    return outputs


def load_teacher(name: str, head: str) -> Any:
    """A trained model with a head of :data:`cmploss.models.HEADS`, in eval mode; the last one stays loaded."""
    if Path(name).is_dir() and not is_adapter(name) and not (Path(name) / "config.json").exists():
        raise UserError(f"--teacher {name} holds no model; give the folder best/ of a study, or one that train wrote")
    return _loaded(name, head, tuple(model_identity(name).items()))


@lru_cache(maxsize=1)
def _loaded(name: str, head: str, identity: tuple[tuple[str, str], ...]) -> Any:
    with torch.random.fork_rng(devices=[]):  # a run draws the same numbers whether it loads the teacher or not
        model = load_classifier(name) if head == "SequenceClassification" else load_model(name, head)
    return model.eval().requires_grad_(False)


def _names(model: Any) -> list[str]:
    return [model.config.id2label[index] for index in range(model.config.num_labels)]


def _order(name: str, of_teacher: list[str], of_student: list[str]) -> list[int]:
    for one, two, fault in ((of_student, of_teacher, "lacks"), (of_teacher, of_student, "has the other")):
        other = [label for label in one if label not in two]
        if other:
            raise UserError(f"--teacher {name} {fault} label {other[0]!r}; give a model that was trained for this task")
    return [of_teacher.index(label) for label in of_student]
