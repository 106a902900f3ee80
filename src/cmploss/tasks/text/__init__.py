"""Text classification and regression data: GLUE, the bundled helpdesk, and your own."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.tasks.catalog import TASKS
    from cmploss.tasks.data_config import DataConfig
    from cmploss.tasks.text.encoding import encode
    from cmploss.tasks.text.load_texts import load_data, task_data
    from cmploss.tasks.text.subsample import few_shot
    from cmploss.tasks.text.text_data import TaskData

__all__ = [
    "TASKS",
    "DataConfig",
    "TaskData",
    "encode",
    "few_shot",
    "load_data",
    "task_data",
]

import_when_used(__name__)
