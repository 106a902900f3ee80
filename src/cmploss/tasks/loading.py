"""From options to a task, by one mapping."""

from collections.abc import Mapping
from dataclasses import fields
from importlib import import_module
from typing import Any

from cmploss.errors import UserError
from cmploss.model_config import ModelConfig
from cmploss.tasks.base import LearningTask
from cmploss.tasks.catalog import PRF_TASK, QUESTION_TASKS, RAG_TASK, ROW_TASKS
from cmploss.tasks.data_config import DataConfig, check_config
from cmploss.tasks.rag.rag_config import RagConfig

TEXTS = "cmploss.tasks.text.load_texts"
MODULES: Mapping[str | None, str] = {
    **dict.fromkeys(QUESTION_TASKS, "cmploss.tasks.qa.question_data"),
    RAG_TASK: "cmploss.tasks.rag.rag_data",
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
    rag = options.get(RagConfig, RagConfig())
    given = [each.name for each in fields(RagConfig) if getattr(rag, each.name) != each.default]
    if given and config.task != RAG_TASK:
        raise UserError(f"--{given[0]} is for --task {RAG_TASK}; leave it out")
    task: LearningTask = import_module(module).load_task(options)
    return task
