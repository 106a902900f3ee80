"""From options to a task, by one mapping."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from cmploss.errors import UserError
from cmploss.model_config import ModelConfig
from cmploss.tasks.base import LearningTask
from cmploss.tasks.catalog import PRF_TASK, QUESTION_TASKS, ROW_TASKS
from cmploss.tasks.data_config import DataConfig, check_config

TEXTS = "cmploss.tasks.text.load_texts"
MODULES: Mapping[str | None, str] = {
    **dict.fromkeys(QUESTION_TASKS, "cmploss.tasks.qa.question_data"),
    PRF_TASK: "cmploss.tasks.prf.prf_task",
    **dict.fromkeys(ROW_TASKS, "cmploss.tasks.rows.load_rows"),
}
"""Task → the module whose ``load_task`` makes it from the options; all others are text tasks."""


def load_task(options: Mapping[type, Any]) -> LearningTask:
    config, model = options[DataConfig], options[ModelConfig]
    check_config(config)
    module = MODULES.get(config.task, TEXTS)
    if module != TEXTS and (model.pooling in ("cls", "mean") or model.head_init == "probe"):
        option = "pooling" if model.pooling in ("cls", "mean") else "head_init"
        raise UserError(f"--{option} is for classifiers of texts; leave it out for --task {config.task}")
    task: LearningTask = import_module(module).load_task(options)
    return task
