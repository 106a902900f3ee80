"""Options as flags, as YAML and as Python values: one set of names, types and checks."""

from dataclasses import dataclass
from typing import Literal

import pytest

from cmploss.cli.main import main
from cmploss.errors import UserError
from cmploss.options import ALIASES, as_arguments, parse_arguments
from cmploss.tasks.rag.rag_config import RagConfig


@dataclass(frozen=True)
class Shape:
    """Options of our own."""

    size: int = 3
    colour: Literal["red", "blue"] = "red"
    names: str = "a,b"
    share: float | None = None
    round: bool = False


@dataclass(frozen=True)
class Place:
    """Two more, one of which ``TrainingArguments`` has too."""

    folder: str | None = None
    seed: int = 7


def parsed(argv, *, training=True):
    options = parse_arguments(argv, (Shape, Place), training=training)
    return options[Shape], options[Place], options.training


def test_defaults():
    assert parsed([]) == (Shape(), Place(), {})


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["--size", "5"], Shape(size=5)),
        (["--size=5"], Shape(size=5)),
        (["--size", "1", "--size", "5"], Shape(size=5)),  # the last one wins
        (["--colour", "blue"], Shape(colour="blue")),
        (["--names=x,y z"], Shape(names="x,y z")),
        (["--names", "a=b"], Shape(names="a=b")),
        (["--share", "1e-3"], Shape(share=0.001)),
        (["--share", "-0.5"], Shape(share=-0.5)),
        (["--round"], Shape(round=True)),
        (["--round", "true"], Shape(round=True)),
        (["--round=no"], Shape(round=False)),
    ],
)
def test_own_options(argv, expected):
    assert parsed(argv) == (expected, Place(), {})


@pytest.mark.parametrize("flag", ["--learning_rate", "--learning-rate"])
@pytest.mark.parametrize("form", [lambda flag: [flag, "2e-5"], lambda flag: [f"{flag}=2e-5"]])
def test_training_options_with_underscores_and_hyphens(flag, form):
    assert parsed(form(flag))[2] == {"learning_rate": 2e-5}


def test_only_training_options_that_were_given_are_returned():
    _, _, training = parsed(["--max_steps", "-1", "--bf16", "--eval_strategy", "epoch", "--warmup_steps", "0.1"])
    assert training == {"max_steps": -1, "bf16": True, "eval_strategy": "epoch", "warmup_steps": 0.1}


def test_our_options_win_over_training_options_of_the_same_name():
    assert parsed(["--seed", "3"]) == (Shape(), Place(seed=3), {})
    assert parse_arguments(["--seed", "3"], (Shape,), training=True).training == {"seed": 3}


def test_without_training_its_options_are_unknown():
    with pytest.raises(UserError, match="unknown option --learning_rate"):
        parsed(["--learning_rate", "1"], training=False)


def test_take_removes_a_training_option():
    options = parse_arguments(["--output_dir", "here", "--max_steps", "2"], (Shape,), training=True)
    assert options.take("output_dir") == "here"
    assert options.take("output_dir") is None
    assert options.take("output_dir", "there") == "there"
    assert options.training == {"max_steps": 2}


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--sizes", "5"], r"^unknown option --sizes; did you mean --size\?$"),
        (["--learning-rates=5"], r"^unknown option --learning-rates; did you mean --learning_rate\?$"),
        (["--xyzzy", "5"], r"^unknown option --xyzzy; --help_all lists every option$"),
        (["--size", "--round"], r"^--size needs a value$"),
        (["--lr_scheduler_type", "steep"], r"^--lr_scheduler_type must be one of linear, cosine, .*, got 'steep'$"),
        (["--ddp_backend", "fast"], r"^--ddp_backend must be one of nccl, gloo, .*, got 'fast'$"),
        (["--liger_kernel_config", "{"], r"^--liger_kernel_config must be JSON, got '\{'$"),
        (["--siz", "5"], r"^unknown option --siz; did you mean --size\?$"),  # no abbreviations
        (["five"], r"^unexpected argument 'five'; options are written --name value$"),
        (["--size", "5", "6"], r"^unexpected argument '6'; options are written --name value$"),
        (["--size"], r"^--size needs a value$"),
        (["--size", "many"], r"^--size must be a whole number, got 'many'$"),
        (["--size", "1.5"], r"^--size must be a whole number, got '1\.5'$"),
        (["--share", "half"], r"^--share must be a number, got 'half'$"),
        (["--colour", "green"], r"^--colour must be one of red, blue, got 'green'$"),
        (["--round", "perhaps"], r"^--round must be true or false, got 'perhaps'$"),
        (["--max_steps", "many"], r"^--max_steps must be a whole number, got 'many'$"),
    ],
)
def test_faults_are_one_line_that_names_the_option(argv, message):
    with pytest.raises(UserError, match=message) as fault:
        parsed(argv)
    assert "\n" not in str(fault.value)


def test_an_old_name_works_and_says_what_the_new_one_is(monkeypatch, capsys):
    monkeypatch.setitem(ALIASES, "length", "size")
    assert parsed(["--length", "5"]) == (Shape(size=5), Place(), {})
    assert capsys.readouterr().err == "note: --length is now called --size; the old name works for one release\n"
    assert parsed(["--size", "5"]) == (Shape(size=5), Place(), {})
    assert capsys.readouterr().err == ""
    with pytest.raises(UserError, match="unknown option --length"):
        parse_arguments(["--length", "5"], (Place,))  # a command without the option


@pytest.fixture
def yaml_file(tmp_path):
    def write(text):
        path = tmp_path / "options.yaml"
        path.write_text(text)
        return str(path)

    return write


def test_yaml_is_read_and_flags_override_it(yaml_file):
    path = yaml_file("size: 5\ncolour: blue\nround: true\nfolder: null\nlearning_rate: 2.0e-5\nmax_steps: 9\n")
    assert parsed([path]) == (
        Shape(size=5, colour="blue", round=True),
        Place(),
        {"learning_rate": 2e-5, "max_steps": 9},
    )
    assert parsed([path, "--size", "6", "--max_steps=8", "--round", "false"]) == (
        Shape(size=6, colour="blue"),
        Place(),
        {"learning_rate": 2e-5, "max_steps": 8},
    )


def test_yaml_numbers_without_a_point_are_numbers(yaml_file):
    """YAML 1.1 reads 2e-5 as text; the option's type decides."""
    assert parsed([yaml_file("learning_rate: 2e-5\nshare: 1e-1\n")]) == (
        Shape(share=0.1),
        Place(),
        {"learning_rate": 2e-5},
    )


@pytest.mark.parametrize("text", ["no", "yes", "off", "010", "12:30", "1_000", "2026-11-30", "1e3", "0x10", "~x"])
def test_yaml_texts_stay_as_written(yaml_file, text):
    """YAML 1.1 makes booleans, octal numbers, minutes and dates of them."""
    assert parsed([yaml_file(f"names: {text}\n")])[0] == Shape(names=text)
    assert parsed([yaml_file(f"names: [{text}, a]\n")])[0] == Shape(names=f"{text},a")


def test_yaml_anchors_and_merged_mappings(yaml_file):
    path = yaml_file("size: &five 5\nshare: *five\n")
    assert parsed([path])[0] == Shape(size=5, share=5.0)


@pytest.mark.parametrize(("text", "value"), [("yes", True), ("On", True), ("no", False), ("OFF", False)])
def test_yaml_words_for_booleans(yaml_file, text, value):
    assert parsed([yaml_file(f"round: {text}\n")])[0] == Shape(round=value)


def test_yaml_lists_and_mappings(yaml_file):
    path = yaml_file("names: [x, y]\nlabel_names: [start, end]\nlr_scheduler_kwargs: {num_cycles: 2}\n")
    shape, _, training = parsed([path])
    assert shape == Shape(names="x,y")
    assert training["label_names"] == ["start", "end"]
    assert training["lr_scheduler_kwargs"] == '{"num_cycles": 2}'  # TrainingArguments reads the JSON


def test_yaml_must_come_first(yaml_file):
    with pytest.raises(UserError, match="unexpected argument"):
        parsed(["--size", "5", yaml_file("size: 6\n")])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("size: 5\n  colour: blue\n", r"options.yaml, line 2: not valid YAML \(mapping values are not allowed here\)"),
        ("- size\n", r"options.yaml: must contain options, one 'name: value' per line"),
        ("", r"options.yaml: must contain options"),
        ("5: 6\n", r"options.yaml: must contain options"),
        ("sizes: 5\n", r"unknown option --sizes; did you mean --size\?"),
        ("size: true\n", r"^--size must be a whole number, got 'true'$"),
        ("size: [1, 2]\n", r"^--size must be a whole number, got '1,2'$"),
    ],
)
def test_faulty_yaml(yaml_file, text, message):
    with pytest.raises(UserError, match=message):
        parsed([yaml_file(text)])


def test_missing_yaml():
    with pytest.raises(UserError, match=r"^nowhere.yml: no such file$"):
        parsed(["nowhere.yml"])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, []),
        ({"size": 5, "share": 0.5}, ["--size", "5", "--share", "0.5"]),
        ({"round": False}, ["--round", "false"]),
        ({"folder": None}, []),
        ({"names": ("a", "b")}, ["--names", "a,b"]),
        ({"names": ["a", 2, True]}, ["--names", "a,2,true"]),
        ({"label_names": ["a", "b"]}, ["--label_names", "a", "b"]),
        ({"lr_scheduler_kwargs": {"power": 2}}, ["--lr_scheduler_kwargs", '{"power": 2}']),
    ],
)
def test_as_arguments(options, expected):
    assert as_arguments(options) == expected


def test_settings_that_vary_are_given_once(capsys):
    """Of other options the last one counts, as in other programs."""
    assert main(["compare", "--vary", "pooling=cls,mean", "--vary", "learning_rate=1e-4,5e-5"]) == 2
    assert "--vary is given twice, and only the last one would count" in capsys.readouterr().err


def test_texts_that_look_like_options_are_read_again():
    arguments = as_arguments({"prompt": "-- Passages --", "vary": {"lora": [None, "r=8"]}})
    assert arguments == ["--prompt=-- Passages --", "--vary", "lora=none,r=8"]
    assert parse_arguments(arguments[:1], [RagConfig])[RagConfig].prompt == "-- Passages --"
