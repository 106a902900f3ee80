"""The task of a run, by the kind of its data."""

from cmploss.studies.run_config import RunConfig
from cmploss.tasks.base import AnyData, LearningTask, max_length
from cmploss.tasks.qa import QuestionData
from cmploss.tasks.qa.question_task import QuestionTask
from cmploss.tasks.text.text_task import TextTask


def task_for(data: AnyData, config: RunConfig) -> LearningTask:
    """Data encoded for the model of a run.

    Raises:
        UserError: If the tokenizer cannot be loaded, or a context size is no number.
    """
    model, length = config.model_config.model, max_length(config.model_config, data)
    if isinstance(data, QuestionData):
        return QuestionTask(data, model, length, config.question_config)
    return TextTask(data, model, length)
