"""Text classification and regression data: GLUE, the bundled helpdesk, and your own."""

from cmploss.tasks.catalog import QUESTION_TASKS, TASKS, Columns, Kind, Part, Task
from cmploss.tasks.config import DataConfig
from cmploss.tasks.data import TaskData
from cmploss.tasks.encoding import encode
from cmploss.tasks.held_out import held_out, unlabelled_texts
from cmploss.tasks.load import load_data, task_data
from cmploss.tasks.sampling import few_shot

__all__ = [
    "QUESTION_TASKS",
    "TASKS",
    "Columns",
    "DataConfig",
    "Kind",
    "Part",
    "Task",
    "TaskData",
    "encode",
    "few_shot",
    "held_out",
    "load_data",
    "task_data",
    "unlabelled_texts",
]
