"""Text classification and regression data: GLUE, the bundled helpdesk, and your own."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.tasks.catalog import TASKS as TASKS
    from cmploss.tasks.data_config import DataConfig as DataConfig
    from cmploss.tasks.text.encoding import encode as encode
    from cmploss.tasks.text.load_texts import load_data as load_data, task_data as task_data
    from cmploss.tasks.text.subsample import few_shot as few_shot
    from cmploss.tasks.text.text_data import TaskData as TaskData

import_when_used(__name__)
