"""Commands that are stopped or share a folder: what a signal, a lock, a dead process or a damaged file does."""

import signal
import subprocess
import sys
import time

import pytest

from tests.cli.test_commands import COMPARE, TRAIN

HOLD = """
import os, sys, time
from pathlib import Path
from cmploss.experiment.folder_lock import locked
with locked(Path("out")):
    print(os.getpid(), flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("command", [TRAIN, COMPARE])
def test_sigterm_saves_exits_143_and_the_command_continues(cmploss, workplace, signal_at, command):
    signal_at(2, signal.SIGTERM)
    status, _, error = cmploss(command)
    assert status == 143
    assert error.splitlines()[-1] == "interrupted; the same command continues where it stopped"
    assert [path.name for path in workplace.rglob("checkpoint-*")] == ["checkpoint-3"]
    assert cmploss(command)[0] == 0
    assert not list(workplace.rglob("checkpoint-*"))


@pytest.mark.parametrize("command", [TRAIN, COMPARE])
def test_a_second_command_in_a_folder_is_refused_until_the_first_ends(cmploss, workplace, command):
    holder = subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True)
    try:
        assert int(holder.stdout.readline()) == holder.pid
        status, _, error = cmploss(command)
        assert status == 2
        assert f"error: --output_dir out is in use by process {holder.pid} on " in error
        assert [path.name for path in (workplace / "out").iterdir()] == [".lock"]
    finally:
        holder.kill()  # it cannot remove its file
        holder.communicate()
    assert cmploss(command)[0] == 0
    assert not list(workplace.rglob(".lock"))


@pytest.mark.parametrize("command", [TRAIN, COMPARE])
@pytest.mark.parametrize("file", ["settings.json.1", ".settings.json.77.tmp", ".study.json.77.tmp"])
def test_what_a_dead_process_left_does_not_block_a_folder(cmploss, workplace, command, file):
    (workplace / "out").mkdir()
    (workplace / "out" / file).write_text("{")
    assert cmploss(command)[0] == 0
    assert not (workplace / "out" / file).exists()


DAMAGED = ["record.json", "settings.json"]


@pytest.mark.parametrize("command", [TRAIN, COMPARE])
@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_named_and_the_run_can_be_done_again(cmploss, workplace, command, name):
    assert cmploss(command)[0] == 0
    path = next(workplace.glob(f"out/**/{name}"))
    content = path.read_text()
    path.write_text(content[: len(content) // 2])
    status, _, error = cmploss(command)
    assert (status, error.count("error: "), str(path.relative_to(workplace)) in error) == (2, 1, True)
    assert "; remove " in error
    path.unlink()
    if name == "settings.json":
        path.write_text(content)
    assert cmploss(command)[0] == 0
    assert path.read_text()[-2:] == "}\n"


def test_a_damaged_best_run_is_named(cmploss, workplace):
    assert cmploss(COMPARE)[0] == 0
    (workplace / "out" / "best" / "run.json").write_text("")
    status, _, error = cmploss(COMPARE)
    assert (status, "error: out/best/run.json is not valid JSON" in error) == (2, True)


@pytest.mark.parametrize("folder", ["train.csv/out", "x" * 300])
@pytest.mark.parametrize("command", [TRAIN, COMPARE])
def test_a_folder_that_cannot_be_made_is_one_line(cmploss, workplace, command, folder):
    status, _, error = cmploss(f"{command} --output_dir {folder}")
    assert (status, error.count("error: ")) == (2, 1)
    assert f"error: --output_dir {folder} cannot be" in error
    assert sorted(path.name for path in workplace.iterdir()) == ["models", "train.csv"]


STOPPED = {
    "predict --model models/classifier --test_file train.csv": "nothing is written",
    "evaluate --model models/classifier --test_file train.csv --output_dir out": "nothing is written",
    "retrieve index --documents docs.tsv --model models/encoder --pooling cls --output_dir out": (
        "the same command continues, and repeats 512 documents at most"
    ),
    "retrieve search --index index --queries docs.tsv": "nothing is written",
    "retrieve evaluate --index index --queries docs.tsv --qrels qrels.txt --feedback_passages 0,1 --output_dir out": (
        "the same command continues"
    ),
}


@pytest.mark.parametrize("command", STOPPED)
def test_ctrl_c_says_what_is_kept_and_the_command_can_be_given_again(cmploss, workplace, monkeypatch, command):
    (workplace / "docs.tsv").write_text("a\tthe lamp\nb\tthe door\n")
    (workplace / "qrels.txt").write_text("a 0 a 1\n")
    assert (
        cmploss("retrieve index --documents docs.tsv --model models/encoder --pooling cls --output_dir index")[0] == 0
    )
    before = sorted(path.name for path in workplace.iterdir())

    def pressed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        for place in ("inference.tell", "retrieval.index.tell", "retrieval.index_builder.stored"):
            patched.setattr(f"cmploss.{place}", pressed)
        status, _, error = cmploss(command)
    assert (status, error) == (130, f"interrupted; {STOPPED[command]}\n")
    assert sorted(path.name for path in workplace.iterdir() if path.name != "out") == before
    assert cmploss(command)[0] == 0


def test_long_predictions_tell_their_progress(cmploss, workplace, monkeypatch):
    monkeypatch.setattr(
        "cmploss.cli.console.ProgressLines.__init__.__kwdefaults__", {"every": 0.0, "clock": time.monotonic}
    )
    status, _, error = cmploss("predict --model models/classifier --test_file train.csv --batch_size 5")
    shares = [line.partition(" done, ")[0] for line in error.splitlines()]
    assert (status, shares) == (0, ["25%", "50%", "75%", "100%"])
