"""Every option is explained, and the help of a command fits on a screen."""

import importlib
import math
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path

import pytest

from cmploss.cli.help import attribute_texts
from cmploss.cli.main import COMMANDS, main
from cmploss.objectives import OBJECTIVES
from cmploss.recipes.recipe import all_recipes
from cmploss.tasks.catalog import KINDS, PRF_TASK, QUESTION_TASKS, RAG_TASK, ROW_TASKS
from cmploss.training_options import NEEDED, REFUSED, training_options

WIDTH, LINES = 100, 60


@pytest.fixture
def help_of(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(WIDTH))

    def read(*argv):
        status = main(list(argv))
        out, error = capsys.readouterr()
        assert (status, error) == (0, "")
        return out

    return read


def command_of(name):
    return importlib.import_module(f"cmploss.cli.{name.replace(' ', '_')}")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_a_text_and_no_text_is_left_over(name):
    for section in command_of(name).SECTIONS:
        texts = attribute_texts(section.__doc__)
        assert list(texts) == [field.name for field in fields(section)]
        assert [option for option, text in texts.items() if len(text) < 5 or not text.endswith(".")] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_no_option_has_two_places(name):
    options = [field.name for section in command_of(name).SECTIONS for field in fields(section)]
    assert len(set(options)) == len(options)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_on_a_screen_and_shows_every_option(name, help_of):
    text = help_of(*name.split(), "--help")
    lines = text.splitlines()
    assert sum(max(1, math.ceil(len(line) / WIDTH)) for line in lines) <= LINES  # as the terminal wraps them
    assert lines[0].startswith(f"cmploss {name} ")
    shown = {word.rstrip(",") for line in lines for word in line.split() if word.startswith("--")}
    options = {f"--{field.name}" for section in command_of(name).SECTIONS for field in fields(section)}
    assert options <= shown  # some by name alone
    assert help_of(*name.split(), "-h") == text


@pytest.mark.parametrize("name", COMMANDS)
def test_help_all_shows_the_training_options_where_there_are_any(name, help_of):
    shown = {word for line in help_of(*name.split(), "--help_all").splitlines() for word in line.split()[:1]}
    refused = {*REFUSED, *NEEDED, *getattr(command_of(name), "REFUSED", ())}
    training = {f"--{option}" for option in training_options() if option not in refused}
    assert (training <= shown) == getattr(command_of(name), "TRAINING", False)
    assert not {f"--{option}" for option in refused} & shown


@pytest.mark.parametrize("name", COMMANDS)
def test_help_lists_no_option_twice(name, help_of):
    for option in ("--help", "--help_all"):
        words = [line.split()[0] for line in help_of(*name.split(), option).splitlines() if line.startswith("--")]
        assert len(set(words)) == len(words)


def test_help_of_task_names_every_task(help_of):
    line = next(line for line in help_of("compare", "--help").splitlines() if line.startswith("--task "))
    named = line.replace(",", "").split()
    assert [task for task in (*KINDS, *ROW_TASKS, *QUESTION_TASKS, RAG_TASK, PRF_TASK) if task not in named] == []


@pytest.mark.parametrize(("name", "option"), [("compare", "--num_train_epochs"), ("train", "--learning_rate")])
def test_help_states_the_default_that_holds(name, option, help_of):
    line = next(line for line in help_of(name, "--help").splitlines() if line.startswith(f"{option} "))
    assert "(default" in line
    assert "[" not in line


def test_help_of_commands_of_two_words(help_of):
    text = help_of("retrieve", "--help")
    assert [line.split()[1] for line in text.splitlines()] == ["index", "search", "train", "convert", "evaluate"]


def test_names_of_recipes_stand_apart_from_their_text(help_of):
    lines = help_of("recipes", "list").splitlines()
    assert [name for name in all_recipes() if not any(line.startswith(f"  {name}  ") for line in lines)] == []


@pytest.mark.parametrize("argv", [(), ("--help",), ("-h",)])
def test_overview_lists_every_command(help_of, argv):
    text = help_of(*argv)
    for name, summary in COMMANDS.items():
        assert f"  {name:<19}{summary}\n" in text


def test_version(help_of):
    assert help_of("--version") == f"cmploss {version('cmploss')}\n"


def test_help_of_train_names_every_objective(help_of):
    text = " ".join(help_of("train", "--help").split())
    assert [name for name in OBJECTIVES if name not in text] == []


def test_a_command_is_a_module_and_a_module_a_command():
    folder = Path(command_of("main").__file__).parent
    modules = {path.stem for path in folder.glob("*.py")} - {
        "__init__",
        "main",
        "console",
        "help",
        "print_config",
        "run_output",
    }
    assert modules == {name.replace(" ", "_") for name in COMMANDS}
