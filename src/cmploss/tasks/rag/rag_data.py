"""The data of generative reading: questions over passages with at least one answer, in splits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from cmploss.errors import UserError
from cmploss.model_config import ModelConfig
from cmploss.tasks.catalog import RAG_TASK
from cmploss.tasks.data_config import DataConfig
from cmploss.tasks.qa.qa_config import QuestionConfig
from cmploss.tasks.qa.question_data import QuestionData, held_out_questions, load_questions
from cmploss.tasks.qa.questions import Question
from cmploss.tasks.rag.rag_config import RagConfig

if TYPE_CHECKING:
    from cmploss.tasks.rag.rag_task import RagTask

SHARED_OPTION = "max_answer_tokens"
"""The option of extractive question answering that applies here too."""


def load_task(options: Mapping[type, Any]) -> RagTask:
    model, qa_config, config = options[ModelConfig], options[QuestionConfig], options[RagConfig]
    for each in fields(QuestionConfig):
        if each.name != SHARED_OPTION and getattr(qa_config, each.name) != each.default:
            near = "give --distractor_counts" if each.name in ("context_size", "distractors") else "leave it out"
            raise UserError(f"--{each.name} is for extractive question answering; for --task {RAG_TASK} {near}")
    _ = config.template, config.counts  # refuse faulty options before the data are read
    data = load_rag(options[DataConfig])
    from cmploss.tasks.rag.rag_task import RagTask  # imports transformers, so check the data first

    return RagTask(data, model.model, model.max_length, config, qa_config.max_answer_tokens)


def load_rag(config: DataConfig) -> QuestionData:
    data = load_questions(config)
    for questions in data.splits.values():
        check_answers(questions)
    return data


def held_out_rag(config: DataConfig) -> tuple[str, Sequence[Question]]:
    """The questions to score a model on, and their name."""
    if config.task not in (None, RAG_TASK):
        raise UserError(f"--task {config.task}: the model is for --task {RAG_TASK}; leave --task out, or give that")
    name, questions = held_out_questions(replace(config, task=RAG_TASK), None)
    check_answers(questions)
    return name, questions


def check_answers(questions: Iterable[Question]) -> None:
    """Refuse questions without an answer: a model that generates always says something."""
    for question in questions:
        if not any(map(str.strip, question.answers)):
            raise question.fault('has no answer; write what to say then, such as "answers": ["unknown"]')
