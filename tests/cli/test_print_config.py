"""``--print_config`` prints a file that the same command reads to the same options."""

from dataclasses import fields
from importlib import import_module

import pytest
import yaml

from cmploss.cli.main import COMMANDS, main
from cmploss.cli.print_config import WITHOUT_A_FILE
from cmploss.options import parse_arguments

LINES = {
    "compare": "--train_file a.csv --objectives supervised,scl(weight=0.5) --seeds 3 --few_shot 20,100 --bf16"
    " --learning_rate 1e-5 --vary pooling=cls,mean warmup_steps=0,10 --label_names a b --dry_run",
    "train": '--task helpdesk --objective comparative+scl --n_drop 2 --lr_scheduler_kwargs {"num_cycles":2}',
    "evaluate": "--model m --test_file 5.csv --dropout_power 0,1",
    "predict": "--model m --test_file new.csv --text_column premise,hypothesis --escape_formulas true",
    "inspect": "bert-base-cased --n_drop 2 --dropout_p 0.1",
    "retrieve index": "--documents d --output_dir i --kind sparse --max_terms 10",
    "retrieve search": "--index i --queries q --output_file r --k 10",
    "retrieve train": "--index i --documents d --train_queries q --train_qrels j --revisions 3 --num_train_epochs 2",
    "retrieve convert": "--checkpoint c --index i --output_dir o",
    "retrieve evaluate": "--index i --queries q --qrels j --feedback none,rocchio --feedback_passages 0,3",
}


def printed(capsys, *argv):
    status = main(list(argv))
    out, error = capsys.readouterr()
    assert (status, error) == (0, "")
    return out


def parsed(name, argv):
    command = import_module(f"cmploss.cli.{name.replace(' ', '_')}")
    argv = command.flags_of(argv) if name == "inspect" else argv
    options = parse_arguments(argv, command.SECTIONS, training=getattr(command, "TRAINING", False))
    return dict(options), options.training, options.given


def test_every_command_that_reads_a_file_has_a_line():
    assert set(LINES) == set(COMMANDS) - set(WITHOUT_A_FILE)


@pytest.mark.parametrize("name", LINES)
def test_the_file_gives_the_same_options(name, tmp_path, capsys):
    argv = LINES[name].split()
    path = tmp_path / "printed.yaml"
    path.write_text(printed(capsys, *name.split(), *argv, "--print_config"), encoding="utf-8")
    assert parsed(name, [str(path)]) == parsed(name, argv)
    assert printed(capsys, *name.split(), str(path), "--print_config") == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", LINES)
def test_options_that_were_not_given_are_comments_with_their_defaults(name, capsys):
    text = printed(capsys, *name.split(), *LINES[name].split(), "--print_config")
    defaults = yaml.safe_load(text.partition("# Defaults:\n")[2].replace("# ", "")) or {}
    given = yaml.safe_load(text)
    sections = import_module(f"cmploss.cli.{name.replace(' ', '_')}").SECTIONS
    theirs = {field.name: field.default for section in sections for field in fields(section)}
    shown = {option: value for option, value in defaults.items() if option in theirs}
    assert shown == {o: value for o, value in theirs.items() if o not in given and value not in (None, ())}


def test_flags_override_the_file_and_a_recipe_is_the_file_of_its_command(tmp_path, capsys):
    path = tmp_path / "study.yaml"
    path.write_text("task: helpdesk\nseeds: 5\n", encoding="utf-8")
    given = yaml.safe_load(printed(capsys, "compare", str(path), "--seeds", "2", "--print_config"))
    assert given == {"task": "helpdesk", "seeds": 2}
    text = printed(capsys, "recipes", "run", "glue/rte-comparative", "--seed", "7", "--print_config")
    assert text.startswith("# cmploss train FILE.yaml\n")
    assert yaml.safe_load(text)["seed"] == 7


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("report runs/a --print_config", "--print_config does not apply to report, which reads no YAML file"),
        ("compare --sedes 3 --print_config", "unknown option --sedes; did you mean --seeds?"),
    ],
)
def test_what_cannot_be_printed_is_one_line(line, error, capsys):
    assert main(line.split()) == 2
    assert capsys.readouterr().err == f"error: {error}\n"
