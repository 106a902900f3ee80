"""Text classification and regression data: GLUE, the bundled helpdesk, and your own."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.tasks.catalog import QUESTION_TASKS, TASKS, Columns, Kind, Task
    from cmploss.tasks.data_config import DataConfig
    from cmploss.tasks.text.encoding import encode
    from cmploss.tasks.text.held_out_texts import held_out, unlabelled_texts
    from cmploss.tasks.text.load_texts import load_data, task_data
    from cmploss.tasks.text.subsample import few_shot
    from cmploss.tasks.text.text_data import TaskData

__all__ = [
    "QUESTION_TASKS",
    "TASKS",
    "Columns",
    "DataConfig",
    "Kind",
    "Task",
    "TaskData",
    "encode",
    "few_shot",
    "held_out",
    "load_data",
    "task_data",
    "unlabelled_texts",
]

import_when_used(__name__)
