"""Studies: single runs with a record each, and grids of runs that can be compared."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.studies.comparison import compare
    from cmploss.studies.run import run_one
    from cmploss.studies.run_config import RunConfig
    from cmploss.studies.study import Study, run_study
    from cmploss.studies.study_config import DEFAULT_OBJECTIVES, StudyConfig
    from cmploss.tasks.text.classify import Predictions, predict

__all__ = [
    "DEFAULT_OBJECTIVES",
    "Predictions",
    "RunConfig",
    "Study",
    "StudyConfig",
    "compare",
    "predict",
    "run_one",
    "run_study",
]

import_when_used(__name__)
