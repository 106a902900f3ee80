"""The recipes of retrieval fit together, and the published ones are the defaults."""

import pytest
import yaml

from cmploss.tasks.prf.prf_task import published_training
from tests.docs.pages import ROOT


def options_of(name):
    return yaml.safe_load((ROOT / "recipes" / "feedback" / f"{name}.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("name", "kind"), [("msmarco-ance", "dense"), ("msmarco-unicoil", "sparse")])
def test_published_settings_are_the_defaults(name, kind):
    options = options_of(name)
    published = published_training(kind, options["revisions"])
    assert {key: options[key] for key in published if key in options} == {
        key: value for key, value in published.items() if key != "train_sampling_strategy"
    }


@pytest.mark.parametrize(
    ("trained", "evaluated"), [("scifact", "scifact-test"), ("dl21", "dl19-pool"), ("msmarco-ance", "dl20")]
)
def test_what_is_evaluated_was_trained(trained, evaluated):
    train, evaluate = options_of(trained), options_of(evaluated)
    assert evaluate["reformulator"] == train["output_dir"]
    assert max(map(int, evaluate["feedback_passages"].split(","))) == train["max_feedback"]
