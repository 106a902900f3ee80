"""Every recipe parses, names its own command, and says where its values come from."""

import csv
import runpy
import sys
from dataclasses import replace

import pytest
import yaml

from cmploss.experiment.spec import ObjectiveSpec
from cmploss.objectives import OBJECTIVES
from cmploss.options import as_arguments
from cmploss.recipes.recipe import DATA, all_recipes
from tests.docs.pages import SOURCE
from tests.docs.test_docs import check_command

RECIPES = all_recipes()


def test_every_objective_is_in_a_recipe():
    named = [name for each in RECIPES.values() for name in [each.options.get("objective"), *_objectives(each)] if name]
    names = [ObjectiveSpec.parse(name).kind for name in named]
    assert {part for name in names for part in name.split("+") if ":" not in part} == OBJECTIVES.keys()


def _objectives(recipe):
    return recipe.options.get("objectives", [])


def test_the_command_of_every_recipe_parses():
    for recipe in RECIPES.values():
        needs = [] if recipe.hours else recipe.needs.split()
        assert check_command([*recipe.command.split(), *recipe.arguments, *needs]), recipe.name


def test_every_value_has_a_source():
    missing = {
        recipe.name: found
        for recipe in RECIPES.values()
        if (found := [option for option in recipe.options if option not in {*DATA, *recipe.sources}])
        and "All values are ours." not in recipe.about
    }
    assert missing == {}


def test_a_recipe_that_is_shown_is_a_file_of_the_same_options():
    other = [r.name for r in RECIPES.values() if as_arguments(yaml.safe_load(r.text)) != r.arguments]
    assert other == []


def test_the_rows_of_a_recipe_that_is_shown_keep_their_order():
    shown = replace(RECIPES["tasks/trec_lora"], options={"vary": {"pooling": ["cls", "mean"], "freeze": ["1", "2"]}})
    assert as_arguments(yaml.safe_load(shown.text)) == shown.arguments == ["--vary", "pooling=cls,mean", "freeze=1,2"]


def test_files_of_one_recipe_name_their_own_command(tmp_path, monkeypatch):
    """The path is that of a checkout or, as here, is found in the package."""
    monkeypatch.chdir(tmp_path)
    files = [recipe for recipe in RECIPES.values() if (SOURCE / f"recipes/{recipe.name}.yaml").is_file()]
    for recipe in files:
        path = f"recipes/{recipe.name}.yaml"
        assert (SOURCE / path).read_text(encoding="utf-8").startswith(f"# cmploss {recipe.command} {path}")
        assert check_command([*recipe.command.split(), path, *recipe.needs.split()])
    assert len(files) > 10


TREC = b"DESC:manner How did a caf\xe9 , uh , open ?\n\n0 Who \x85 ?\n"
INTENTS = "".join(f'"{n}, please",intent_{n}\n' for n in "cbadefghijkl")
QNLI = "index\tquestion\tsentence\tlabel\n0\tWho?\tShe.\tentailment\n1\tWhy?\tSo.\tnot_entailment\n"
MNLI = '{"premise": "It is.", "hypothesis": "Is it?", "label": "neutral"}\n'
QQP = "1\t2\t3\tWho?\tWhat? 0\n4\t5\t6\tWhy?\tHow?\t1\n"
PREPARED = {
    "trec": (TREC, [["How did a café , uh , open ?", "DESC"], ["Who \x85 ?", "0"]]),
    "rt_polarity": (b"0 dull .\n1 fine .\n", [["dull .", "0"], ["fine .", "1"]]),
    "banking77": (f"text,category\n{INTENTS}".encode(), [[f"{n}, please", f"intent_{n}"] for n in "cbadefghij"]),
    "banking77_all": (b"text,category\nHow?,card\n", [["How?", "card"]]),
    "amazon_electronics": (b'sentence\tlabel\n"Good\n\tvery ""good"""\t1\n', [['Good\n\tvery "good"', "1"]]),
    "qnli": (QNLI.encode(), [["Who?", "She.", "entailment"], ["Why?", "So.", "not_entailment"]]),
    "mnli": (MNLI.encode(), [["It is.", "Is it?", "neutral"]]),
    "qqp": (QQP.encode(), [["Why?", "How?", "1"]]),
}


def prepared(monkeypatch, folder, name, *files, parts=("", "_test")):
    monkeypatch.setattr(sys, "argv", ["prepare.py", name, *map(str, files), str(folder / "data")])
    runpy.run_path(str(SOURCE / "recipes" / "prepare.py"), run_name="__main__")
    read = []
    for part in parts:
        with (folder / "data" / f"{name}{part}.csv").open(encoding="utf-8", newline="") as file:
            read.append(list(csv.reader(file)))
    return read


@pytest.mark.parametrize("name", PREPARED)
def test_data_for_recipes_are_prepared(name, tmp_path, monkeypatch):
    content, rows = PREPARED[name]
    for part in ("train", "test"):
        (tmp_path / part).write_bytes(content)
    header = ["text", "label"] if len(rows[0]) == 2 else ["text1", "text2", "label"]
    for part in prepared(monkeypatch, tmp_path, name, tmp_path / "train", tmp_path / "test"):
        assert part == [header, *rows]


def test_one_file_is_divided_without_equal_texts(tmp_path, monkeypatch):
    (tmp_path / "all").write_text("".join(f"{n % 2} text {n % 9}\n" for n in range(36)))
    parts = "", "_validation", "_test"
    (_, *train), (_, *validation), (_, *test) = prepared(
        monkeypatch, tmp_path, "rt_polarity", tmp_path / "all", parts=parts
    )
    assert (len(train), len(validation), len(test)) == (5, 1, 3)
    assert sorted(train + validation + test) == [[f"text {n}", str(n % 2)] for n in range(9)]
