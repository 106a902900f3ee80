"""From options to a task, by one mapping."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from cmploss.errors import UserError
from cmploss.model_config import ModelConfig
from cmploss.tasks.base import LearningTask
from cmploss.tasks.catalog import PRF_TASK, QUESTION_TASKS
from cmploss.tasks.data_config import DataConfig, check_config

KINDS: Mapping[str, str] = {
    "text": "cmploss.tasks.text.load_texts",
    "question_answering": "cmploss.tasks.qa.question_data",
    "prf": "cmploss.tasks.prf.prf_task",
}
"""Kind of task → the module whose ``load_task`` makes it from the sections of options."""


def kind_of(task: str | None) -> str:
    """The kind of a ``--task``.

    >>> kind_of("sst2"), kind_of(None), kind_of("squad"), kind_of("prf")
    ('text', 'text', 'question_answering', 'prf')
    """
    if task == PRF_TASK:
        return "prf"
    return "question_answering" if task in QUESTION_TASKS else "text"


def load_task(options: Mapping[type, Any]) -> LearningTask:
    config, model = options[DataConfig], options[ModelConfig]
    check_config(config)
    kind = kind_of(config.task)
    if kind != "text" and (model.pooling in ("cls", "mean") or model.head_init == "probe"):
        option = "pooling" if model.pooling in ("cls", "mean") else "head_init"
        raise UserError(f"--{option} is for classifiers of texts; leave it out for --task {config.task}")
    task: LearningTask = import_module(KINDS[kind]).load_task(options)
    return task
