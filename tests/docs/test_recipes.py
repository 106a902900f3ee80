"""Every recipe parses, names its own command, and says where its values come from."""

import csv
import runpy
import sys

import pytest
import yaml

from cmploss.experiment.spec import ObjectiveSpec
from cmploss.objectives import OBJECTIVES
from tests.docs.pages import ROOT
from tests.docs.test_docs import check_command

RECIPES = sorted((ROOT / "recipes").rglob("*.yaml"))
DATA = ("task", "objective", "objectives")


def test_every_objective_is_in_a_recipe():
    options = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in RECIPES]
    named = [name for option in options for name in [option.get("objective"), *option.get("objectives", [])] if name]
    names = [ObjectiveSpec.parse(name).kind for name in named]
    assert {part for name in names for part in name.split("+")} == OBJECTIVES.keys()


def test_the_command_of_every_recipe_parses():
    for path in RECIPES:
        first = path.read_text(encoding="utf-8").splitlines()[0]
        program, *words = first.removeprefix("# ").split()
        assert program == "cmploss", path
        assert path.relative_to(ROOT).as_posix() in words
        assert check_command(words), path


def test_every_value_has_a_source():
    for path in RECIPES:
        lines = path.read_text(encoding="utf-8").splitlines()
        header = " ".join(line for line in lines if line.startswith("#"))
        values = [line for line in lines if line and not line.startswith("#")]
        missing = [line for line in values if line.partition(":")[0] not in DATA and "  # " not in line]
        assert values, path
        assert not missing or "All values are ours." in header, path


TREC = b"DESC:manner How did a caf\xe9 , uh , open ?\n\n0 Who ?\n"
INTENTS = "".join(f'"{n}, please",intent_{n}\n' for n in "cbadefghijkl")
PREPARED = {
    "trec": (TREC, [["How did a café , uh , open ?", "DESC"], ["Who ?", "0"]]),
    "banking77": (f"text,category\n{INTENTS}".encode(), [[f"{n}, please", f"intent_{n}"] for n in "cbadefghij"]),
}


@pytest.mark.parametrize("name", PREPARED)
def test_data_for_recipes_are_prepared(name, tmp_path, monkeypatch):
    content, rows = PREPARED[name]
    for part in ("train", "test"):
        (tmp_path / part).write_bytes(content)
    arguments = [name, tmp_path / "train", tmp_path / "test", tmp_path / "data"]
    monkeypatch.setattr(sys, "argv", ["prepare.py", *map(str, arguments)])
    runpy.run_path(str(ROOT / "recipes" / "few_shot" / "prepare.py"), run_name="__main__")
    for part in ("", "_test"):
        with (tmp_path / "data" / f"{name}{part}.csv").open(encoding="utf-8", newline="") as file:
            assert list(csv.reader(file)) == [["text", "label"], *rows]
