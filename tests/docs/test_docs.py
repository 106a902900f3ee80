"""The documentation holds what it says: its code runs, its commands parse, its links and tables are right."""

import doctest
import re
from dataclasses import fields
from importlib import import_module
from itertools import dropwhile

import pytest
import yaml
from transformers import TrainingArguments

import cmploss
from cmploss.cli.main import COMMANDS, split_command
from cmploss.errors import UserError
from cmploss.experiment.spec import parse_objectives
from cmploss.objectives import OBJECTIVES
from cmploss.options import parse_arguments
from cmploss.recipes.recipe import find_recipe
from cmploss.studies.run_config import DEFAULT_EPOCHS, LEAST_STEPS
from cmploss.tasks.data_config import check_config
from cmploss.tasks.text import TASKS, DataConfig
from cmploss.tasks.text.columns import LABEL_NAMES, PAIR_NAMES, TEXT_NAMES
from cmploss.training_options import TRAINING_DEFAULTS
from tests.docs.pages import (
    DOCS,
    PAGES,
    ROOT,
    SOURCE,
    anchors_of,
    blocks_of,
    commands_of,
    links_of,
    places_of,
    rows_under,
    yaml_files_of,
)

EVERY_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


def text_of(*path):
    return ROOT.joinpath(*path).read_text(encoding="utf-8")


def run_block(block, names, place):
    """Run a block of statements, or one of ``>>>`` examples with the values that they show."""
    if block.text.startswith(">>> "):
        test = doctest.DocTestParser().get_doctest(block.text, {}, place, place, block.line - 1)
        test.globs = names
        doctest.DebugRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test, clear_globs=False)
    else:
        exec(compile("\n" * (block.line - 1) + block.text, place, "exec"), names)
    return True


def command_of(name):
    return import_module(f"cmploss.cli.{name.replace(' ', '_')}")


def check_command(argv):
    """Parse a command line as its command would, down to the choice of objectives and of data."""
    if argv in (["--version"], ["--help"]):
        return True
    name, rest = split_command(argv)
    command = command_of(name)
    if "--help" in rest or "--help_all" in rest:
        return True
    if name == "completion":
        return rest in [[shell] for shell in command.SHELLS]
    rest = [word for word in rest if word != "--print_config"]
    if name in ("cut", "inspect") and rest and not rest[0].startswith("--"):
        rest = ["--model", *rest]
    if name == "report":  # its studies come first
        rest = list(dropwhile(lambda word: not word.startswith("--"), rest))
    if name == "recipes":
        recipe = find_recipe(rest[1]) if rest[1:] else None
        return (
            rest == ["list"]
            or rest[0] == "show"
            or check_command([*recipe.command.split(), *recipe.arguments, *rest[2:]])
        )
    trains = getattr(command, "TRAINING", False)
    options = parse_arguments(rest, command.SECTIONS, training=trains)
    values = {field.name: getattr(options[section], field.name) for section in options for field in fields(section)}
    parse_objectives(values.get("objectives") or values.get("objective") or "supervised")
    data_given = {option.lstrip("-") for option in rest} & {field.name for field in fields(DataConfig)}
    if trains and (data_given or values.get("task")):  # else a fragment that shows one option
        check_config(options[DataConfig])
    return True


@EVERY_PAGE
def test_python_blocks_run(page, given, capsys):
    names = {"__name__": "docs", **given}
    blocks = [block for block in blocks_of(page.read_text(encoding="utf-8")) if block.language == "python"]
    assert all(run_block(block, names, str(page)) for block in blocks)


def test_the_first_lines_of_the_readme_install_and_its_first_script_is_complete(tiny_world, capsys):
    readme = text_of("README.md")
    assert "pip install" in "\n".join(readme.splitlines()[:25])
    script = next(block for block in blocks_of(readme) if block.language == "python")
    assert run_block(script, {"__name__": "__main__"}, "README.md")
    assert "| comparative |" in capsys.readouterr().out


def test_a_python_block_that_is_wrong_fails():
    (broken, other_value, right) = blocks_of(
        "```python\n1 / 0\n```\n```python\n>>> 1 + 1\n3\n```\n```python\nx = 2\n```\n"
    )
    with pytest.raises(ZeroDivisionError):
        run_block(broken, {}, "page")
    with pytest.raises(doctest.DocTestFailure):
        run_block(other_value, {}, "page")
    names = {}
    run_block(right, names, "page")
    assert names["x"] == 2


@EVERY_PAGE
def test_command_lines_parse(page, tiny_world):
    for each in PAGES:  # a file that one page shows may be used on another
        for name, text in yaml_files_of(each.read_text(encoding="utf-8")).items():
            (tiny_world / name).write_text(text, encoding="utf-8")
    assert all(check_command(argv) for argv in commands_of(page.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "argv",
    [
        ["compare", "--train_file", "a.csv", "--sedes", "3"],
        ["compare", "--train_file", "a.csv", "--target", "nearest"],
        ["train", "--task", "sst3"],
        ["train", "--train_file", "a.csv", "--data_dir", "glue"],
        ["predict", "--learning_rate", "1"],
        ["compare", "nowhere.yaml"],
        ["reports", "runs"],
    ],
)
def test_a_command_line_that_is_wrong_fails(argv, tiny_world):
    with pytest.raises(UserError):
        check_command(argv)


def test_relative_links_lead_somewhere():
    for page in PAGES:
        for link in links_of(page.read_text(encoding="utf-8")):
            path, _, anchor = link.partition("#")
            target = page.parent / path if path else page
            assert target.exists(), f"{page}: {link}"
            if anchor:
                assert anchor in anchors_of(target.read_text(encoding="utf-8")), f"{page}: {link}"


def test_files_and_tests_that_are_named_exist():
    for page in PAGES:
        for place in places_of(page.read_text(encoding="utf-8")):
            path, _, name = place.partition("::")
            assert (ROOT / path).exists() or (SOURCE / path).exists(), f"{page}: {place}"
            assert not name or f"def {name}(" in text_of(path), f"{page}: {place}"


def test_every_public_name_is_documented():
    words = {word for page in DOCS for word in re.findall(r"\w+", page.read_text(encoding="utf-8"))}
    assert set(cmploss.__all__) <= words


def test_every_objective_has_a_place_in_a_method_card():
    cards = "".join(page.read_text(encoding="utf-8") for page in DOCS if page.parent.name == "methods")
    assert [name for name in OBJECTIVES if f"`{name}`" not in cards] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_section_with_an_example(name):
    page = text_of("docs", "retrieval.md" if name.startswith("retrieve ") else "commands.md")
    section = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    assert name in [split_command(argv)[0] for argv in commands_of(section)]


def test_every_option_of_ours_is_documented():
    page = "".join(page.read_text(encoding="utf-8") for page in DOCS)
    sections = {section for name in COMMANDS for section in command_of(name).SECTIONS}
    options = {field.name for section in sections for field in fields(section)}
    assert len(options) > 20
    missing = {name for name in options if not re.search(rf"--{name}\b", page)}
    assert not missing


def test_defaults_are_those_of_the_code():
    page = text_of("docs", "commands.md")
    _, *rows = rows_under(page, "Length of training and defaults")
    theirs = {field.name: field.default for field in fields(TrainingArguments)}
    changed = {
        name: (str(value), str(getattr(theirs[name], "value", theirs[name])))
        for name, value in TRAINING_DEFAULTS.items()
        if value != theirs[name]
    }
    assert {name: (ours, transformers) for name, ours, transformers, _ in rows} == changed
    assert f"has {DEFAULT_EPOCHS} epochs, but at least {LEAST_STEPS} steps" in page


def test_tasks_and_column_names_are_those_of_the_code():
    page = text_of("docs", "data.md")
    names = {row[0]: row[-1] for row in rows_under(page, "Your own files")}
    assert tuple(names["text"].split(", ")) == TEXT_NAMES
    assert tuple(tuple(pair.split(" and ")) for pair in names["pair"].split(", ")) == PAIR_NAMES
    assert tuple(names["label"].split(", ")) == LABEL_NAMES
    assert all(f"`{task}`" in page or f"--task {task}`" in page for task in TASKS)


def test_the_yaml_study_is_valid():
    (block,) = [block for block in blocks_of(text_of("docs", "commands.md")) if block.language == "yaml"]
    assert yaml.safe_load(block.text)["objectives"] == ["supervised", "no_dropout", "comparative"]
