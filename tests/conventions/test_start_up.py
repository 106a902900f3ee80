"""Help, refusals and ``import cmploss`` start without the libraries that run a model."""

import json
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import cmploss
from cmploss.cli.main import COMMANDS

HEAVY = ["torch", "transformers", "datasets", "accelerate", "scipy", "sklearn", "pandas", "pyarrow", "matplotlib"]
PACKAGES = ["cmploss", *(found.name for found in pkgutil.walk_packages(cmploss.__path__, "cmploss.") if found.ispkg)]
OWN = "--train_file train.csv"
HELP = [f"{name} {flag}" for name in COMMANDS for flag in ("--help", "--help_all")]
HELP += ["--help", "--version", f"compare {OWN} --print_config"]
JUDGED = "--index folder --queries train.csv --qrels train.csv"
REFUSALS = [
    "comparee",
    "retrieve",
    "compare nowhere.yaml",
    "compare faulty.yaml",
    "compare",
    "compare --task helpdsk",
    "compare --test_file train.csv",
    "compare --train_file nowhere.csv",
    "compare --train_file empty.csv",
    f"compare {OWN} --text_column body",
    f"compare {OWN} --label_column text",
    f"compare {OWN} --objectivs supervised",
    f"compare {OWN} --learning-rates 1",
    f"compare {OWN} supervised",
    f"compare {OWN} --target last",
    f"compare {OWN} --eval_strategy sometimes",
    f"compare {OWN} --objectives supervised,contrastive",
    f"compare {OWN} --objectives comparative(n_drop=two)",
    f"compare {OWN} --objectives supervised,supervised",
    f"compare {OWN} --seed 3",
    f"compare {OWN} --seeds 0",
    f"compare {OWN} --jobs 0",
    f"compare {OWN} --noise labels:0.1",
    f"compare {OWN} --noise back_translation:0.5",
    f"compare {OWN} --few_shot 4,many",
    f"compare {OWN} --steps 2,4 --max_steps 3",
    f"compare {OWN} --max_train_samples 0",
    f"compare {OWN} --per_device_train_batch_size 0",
    f"train {OWN} --objective comparitive",
    f"train {OWN} --learning_rate fast",
    f"train {OWN} --max_steps 0",
    f"train {OWN} --noise label:2",
    "evaluate --test_file train.csv",
    "evaluate --model folder --test_file train.csv --dropout_power 1,x",
    "evaluate --model folder --test_file train.csv --output_dir folder",
    "predict --model folder",
    "inspect",
    "inspect folder --n_drop -1",
    "report",
    "report folder folder",
    "report nowhere",
    "report folder --format pdf",
    "retrieve index --documents train.csv",
    "retrieve index --documents train.csv --output_dir index --batch_size 0",
    "retrieve search --queries train.csv",
    "retrieve search --queries nowhere.txt --documents nowhere.txt",
    "retrieve train --index folder --documents train.csv",
    f"retrieve evaluate {JUDGED} --feedback magic",
    f"retrieve evaluate {JUDGED} --feedback_passages 1,x",
]
FILES = {
    "train.csv": "text,label\na,bad\nb,good\nc,bad\nd,good\n",
    "empty.csv": "",
    "faulty.yaml": "seeds: 5\n  jobs: 2\n",
}
RUN = """
import json, sys
from cmploss.cli.main import main
found = []
for command in json.loads(sys.argv[1]):
    status = main(command.split())
    found.append([command, status, [name for name in json.loads(sys.argv[2]) if name in sys.modules]])
print(json.dumps(found))
"""


@pytest.fixture
def imports_after(tmp_path):
    """Runs commands in one new process: each command, its exit status, and the heavy libraries imported by then."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "folder").mkdir()

    def run(program, *arguments):
        environment = os.environ | {"PYTHONPATH": str(Path(cmploss.__file__).parents[1])}
        command = [sys.executable, "-c", program, *map(json.dumps, arguments)]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


def test_the_check_sees_an_import(imports_after):
    assert imports_after("import scipy\n" + RUN, ["--version"], HEAVY) == [["--version", 0, ["scipy"]]]


def test_importing_every_package_is_cheap(imports_after):
    program = "\n".join(f"import {name}" for name in PACKAGES) + RUN
    assert imports_after(program, ["--help"], HEAVY) == [["--help", 0, []]]


@pytest.mark.parametrize(("commands", "status"), [(HELP, 0), (REFUSALS, 2)], ids=["help", "refusals"])
def test_help_and_refusals_import_no_heavy_library(commands, status, imports_after):
    assert imports_after(RUN, commands, HEAVY) == [[command, status, []] for command in commands]


def test_a_public_name_wins_over_a_module_of_the_same_name():
    from cmploss.experiment import environment

    assert callable(environment)


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"module 'cmploss' has no attribute 'Comparativ'"):
        cmploss.Comparativ  # noqa: B018
    assert {"Comparative", "__version__"} <= set(dir(cmploss))
