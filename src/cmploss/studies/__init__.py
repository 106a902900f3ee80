"""Studies: single runs with a record each, and grids of runs that can be compared."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.studies.comparison import compare as compare
    from cmploss.studies.run import run_one as run_one
    from cmploss.studies.run_config import RunConfig as RunConfig
    from cmploss.studies.study import Study as Study, run_study as run_study
    from cmploss.studies.study_config import DEFAULT_OBJECTIVES as DEFAULT_OBJECTIVES, StudyConfig as StudyConfig
    from cmploss.tasks.text.classify import Predictions as Predictions, predict as predict

import_when_used(__name__)
