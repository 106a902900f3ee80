"""Names of rows: none leads outside the study, into the folder of another row, or over what the study writes."""

import pytest

from cmploss.errors import UserError
from cmploss.experiment.spec import parse_objectives
from cmploss.studies import Study, StudyConfig, run_study
from cmploss.studies.row_folders import RESERVED


@pytest.mark.parametrize(
    ("objectives", "message"),
    [
        ("best=supervised,no_dropout", "objective best: a study uses the name best itself"),
        ("BEST=supervised", "objective BEST: a study uses the name BEST itself"),
        ("..=supervised", r"objective \.\.: a label must not begin with a dot"),
        ("report.md=supervised", r"a study uses the name report\.md itself"),
        ("a|b=supervised", r"objective name 'a\|b': use letters"),
        ({"a:b": "supervised", "a-b": "no_dropout"}, "objectives a:b and a-b would have one folder, a-b; give one"),
        ("same=supervised,Same=no_dropout", "objectives same and Same would have one folder"),
    ],
)
def test_names_that_would_lose_results_are_refused(task, config_of, tmp_path, objectives, message):
    with pytest.raises(UserError, match=message) as caught:
        Study(task, config_of("supervised"), StudyConfig(seeds=1), tmp_path / "study", parse_objectives(objectives))
    assert "\n" not in str(caught.value)


def test_every_name_that_a_study_uses_is_reserved(task, config_of, tmp_path):
    config = StudyConfig("supervised", seeds=1, noise="label:0.1", write_noisy=True, embeddings=True)
    study = Study(task, config_of("supervised", max_steps=2), config, tmp_path / "study")
    list(run_study(study))
    found = {path.name for path in study.folder.iterdir() if not path.name.startswith(".")}
    assert {"best", "reference", "noisy", "embeddings.svg"} <= found
    assert found - {"supervised"} <= RESERVED
