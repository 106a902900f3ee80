"""Questions for a model that is already trained."""

from collections.abc import Sequence
from pathlib import Path

from cmploss.errors import UserError
from cmploss.tasks.catalog import QUESTION_TASKS
from cmploss.tasks.data_config import DataConfig
from cmploss.tasks.qa.qa_config import QuestionConfig
from cmploss.tasks.qa.question_data import load_questions, questions_of
from cmploss.tasks.qa.questions import Question


def held_out_questions(config: DataConfig, distractors: int | None) -> tuple[str, Sequence[Question]]:
    """The questions to score a trained model on.

    Args:
        config: ``task``, and ``test_file`` alone for a file of its form; else its test split is taken, or its
            validation split where it has none.
        distractors: Of squad and squad_v2: read every question among so many other paragraphs of its article.

    Returns:
        What the questions are called, and the questions.

    Raises:
        UserError: The task is none of question answering, or the data have a fault.
    """
    if config.task not in QUESTION_TASKS:
        raise UserError(f"the model answers questions; give --task {', '.join(QUESTION_TASKS)}, and --test_file")
    if config.test_file and not config.train_file:
        return config.test_file, questions_of(config.task, {"test": Path(config.test_file)}, distractors)["test"]
    data = load_questions(config, QuestionConfig(distractors=distractors))
    return f"{data.name} {data.eval_split}", data.splits[data.eval_split]
