"""Studies: single runs with a record each, and grids of runs that can be compared."""

from cmploss.studies.ablation_curve import ablation_curve
from cmploss.studies.compare import compare
from cmploss.studies.prediction import Predictions, predict
from cmploss.studies.run import run_one
from cmploss.studies.settings import DEFAULT_OBJECTIVES, RunConfig, StudyConfig, StudyTools
from cmploss.studies.study import Study, run_study

__all__ = [
    "DEFAULT_OBJECTIVES",
    "Predictions",
    "RunConfig",
    "Study",
    "StudyConfig",
    "StudyTools",
    "ablation_curve",
    "compare",
    "predict",
    "run_one",
    "run_study",
]
