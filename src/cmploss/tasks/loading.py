"""From options to a task, by one mapping."""

from collections.abc import Collection, Mapping
from dataclasses import fields
from importlib import import_module

from cmploss.errors import UserError
from cmploss.model_config import ModelConfig
from cmploss.options import Options
from cmploss.tasks.base import LearningTask, refuse_pooling
from cmploss.tasks.catalog import PRF_TASK, QUESTION_TASKS, RAG_TASK, ROW_TASKS
from cmploss.tasks.data_config import DataConfig, check_config
from cmploss.tasks.prf.prf_config import FeedbackConfig, PrfConfig
from cmploss.tasks.qa.qa_config import QuestionConfig
from cmploss.tasks.rag.rag_config import RagConfig

TEXTS = "cmploss.tasks.text.load_texts"
MODULES: Mapping[str | None, str] = {
    **dict.fromkeys(QUESTION_TASKS, "cmploss.tasks.qa.question_data"),
    RAG_TASK: "cmploss.tasks.rag.rag_data",
    PRF_TASK: "cmploss.tasks.prf.prf_task",
    **dict.fromkeys(ROW_TASKS, "cmploss.tasks.rows.load_rows"),
}
"""Task → the module whose ``load_task`` makes it from the options; all others are text tasks."""


OF_TASKS: Mapping[type, tuple[str, ...]] = {
    QuestionConfig: (*QUESTION_TASKS, RAG_TASK),
    RagConfig: (RAG_TASK,),
    PrfConfig: (PRF_TASK,),
    FeedbackConfig: (PRF_TASK,),
}
"""Options → the tasks that read them; other tasks refuse them."""


def load_task(options: Options, together: Collection[str | None] = ()) -> LearningTask:
    """The task of the options; ``together`` are all tasks of a command for several data sets."""
    config, model = options[DataConfig], options[ModelConfig]
    check_config(config)
    module = MODULES.get(config.task, TEXTS)
    if module != TEXTS:
        refuse_pooling(model, str(config.task))
    if config.task == PRF_TASK and PrfConfig not in options:
        raise UserError(f"--task {PRF_TASK} is for compare; give cmploss retrieve train to train one reformulator")
    check_sections(options.given, {config.task, *together})
    task: LearningTask = import_module(module).load_task(options)
    return task


def check_sections(given: Collection[str], tasks: Collection[str | None]) -> None:
    """Refuse options that none of the tasks would read."""
    for section, readers in OF_TASKS.items():
        for each in fields(section) if not set(readers) & set(tasks) else ():
            if each.name in given:
                raise UserError(f"--{each.name} is for --task {', '.join(readers)}; leave it out")
