"""The recipes of retrieval fit together."""

import pytest
import yaml

from tests.docs.pages import SOURCE


def options_of(name):
    return yaml.safe_load((SOURCE / "recipes" / "feedback" / f"{name}.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("trained", "evaluated"), [("scifact", "scifact-test"), ("dl21", "dl19-pool")])
def test_what_is_evaluated_was_trained(trained, evaluated):
    train, evaluate = options_of(trained), options_of(evaluated)
    assert evaluate["reformulator"] == train["output_dir"]
    assert max(map(int, evaluate["feedback_passages"].split(","))) == train["max_feedback"]
