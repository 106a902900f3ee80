"""The recipes of retrieval parse, name their own command, say where their values come from, and fit together."""

import pytest
import yaml

from cmploss.retrieval.training import published_training
from tests.docs.pages import ROOT
from tests.docs.test_docs import check_command

RECIPES = sorted((ROOT / "recipes" / "feedback").glob("*.yaml"))
EVERY_RECIPE = pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)


def options_of(name):
    return yaml.safe_load((ROOT / "recipes" / "feedback" / f"{name}.yaml").read_text(encoding="utf-8"))


@EVERY_RECIPE
def test_its_command_parses(path):
    program, *command, name = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ").split()
    assert (program, name) == ("cmploss", path.relative_to(ROOT).as_posix())
    assert check_command([*command, name])


@EVERY_RECIPE
def test_every_value_has_a_source(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    values = [line for line in lines if line and not line.startswith("#")]
    assert len(values) > 5
    assert [line for line in values if "  # " not in line] == []


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
