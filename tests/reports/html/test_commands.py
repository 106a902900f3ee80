"""The command of a row makes the same objective and settings again."""

from cmploss.model_config import ModelConfig
from cmploss.objectives import ObjectiveConfig
from cmploss.reports.html.commands import command_of
from cmploss.studies.study_config import StudyConfig, StudyTools
from cmploss.tasks.qa import QuestionConfig
from cmploss.tasks.text import DataConfig
from tests.reports.runs import record_of
from tests.settings import SETTINGS

SECTIONS = (DataConfig, QuestionConfig, ModelConfig, ObjectiveConfig, StudyConfig, StudyTools)
CONFIGS = {
    **{name: row.settings for name, row in SETTINGS.items()},
    "comparative": {"n_drop": 2, "dropout_p": 0.2, "ranking_temperature": 2.0, "engine": "two_pass"},
    "equal_compute": {"n_drop": 0, "n_crop": 2},
    "rdrop": {"alpha": 2.0, "dropout_p": 0.3, "engine": "joint"},
}


def test_text_that_is_no_objective_adds_nothing():
    assert command_of([record_of("supervised", 0, 50.0, settings={"objective": "not python ("})]) == (
        "cmploss compare --task tickets --objectives supervised --seeds 1"
    )
