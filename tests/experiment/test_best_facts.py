"""A damaged file on the best run is refused in one line."""

import json

import pytest

from cmploss.errors import UserError
from cmploss.experiment.best_run import TEXTS, read_best

WHOLE = {
    **{"objective": "supervised", "run": "supervised/seed-0", "seed": 0, "measure": "accuracy", "eval_split": "test"},
    **{"score": 80.0, "examples": 100, "row_mean": 78.0, "row_runs": 5, "lead": 1.5, "eval_score": 75.0},
    **{"model_class": "transformers.AutoModel", "not_kept": "supervised/seed-1"},
}


def read(folder, **changes):
    (folder / "best").mkdir()
    (folder / "best" / "run.json").write_text(json.dumps(WHOLE | changes))
    return read_best(folder)


def test_whole_facts_are_read(tmp_path):
    assert read(tmp_path) == WHOLE


@pytest.mark.parametrize("name", TEXTS)
def test_another_type_is_named(tmp_path, name):
    with pytest.raises(UserError, match=f"damaged \\({name} is bool\\)"):
        read(tmp_path, **{name: True})
