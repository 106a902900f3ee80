"""Commands that share the runs of a study, as a job array does: together they are the study of one command."""

import os
import subprocess
import sys

import pytest

from cmploss.errors import UserError
from cmploss.studies import Study, StudyConfig, run_study
from tests.studies.test_kills import contents
from tests.studies.test_training_length import losses

HOLD = """
import sys
from pathlib import Path
from cmploss.experiment.folder_lock import locked
with locked(Path(sys.argv[1]), shared=sys.argv[2] == "shared"):
    print("locked", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def study_in(task, config_of, tmp_path):
    def make(folder, shard=None, **options):
        training = {"max_steps": 4, **options.pop("training", {})}
        settings = {"objectives": "supervised,comparative", "seeds": 2, "shard": shard, **options}
        return Study(task, config_of("supervised", **training), StudyConfig(**settings), tmp_path / folder)

    return make


@pytest.fixture
def hold(tmp_path):
    """Another process that holds the lock of a folder until the test ends."""
    processes = []

    def start(folder, kind):
        command = [sys.executable, "-c", HOLD, str(tmp_path / folder), kind]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        processes.append(process)
        assert process.stdout.readline() == b"locked\n"

    yield start
    for process in processes:
        process.communicate()


def places(study):
    return [run.place for run in study.own_runs]


def test_every_run_is_in_one_shard_and_shards_cost_the_same(study_in):
    shards = [study_in("study", f"{number}/3", seeds=3) for number in (1, 2, 3)]
    assert sorted(place for shard in shards for place in places(shard)) == list(range(6))
    for shard in shards:
        assert sorted(run.config.objective for run in shard.own_runs) == ["comparative", "supervised"]
    assert places(study_in("study", "2/3", seeds=3)) == places(shards[1])
    assert places(study_in("study", "0/3", seeds=3)) == []
    assert places(study_in("study", seeds=3)) == list(range(6))


def run_in_child(study):
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        study.check()
        list(run_study(study))
        status = 0
    finally:
        os._exit(status)


def test_three_shards_at_once_and_then_one_command_are_the_study(study_in, tmp_path):
    assert os.waitpid(run_in_child(study_in("whole")), 0)[1] == 0
    children = [run_in_child(study_in("shards", f"{number}/3")) for number in (1, 2, 3)]
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    assert all(run.finished for run in study_in("shards").runs)
    assert not list((tmp_path / "shards").glob("report.*"))
    last = study_in("shards")
    last.check()
    assert list(run_study(last)) == []
    assert contents(tmp_path / "shards") == contents(tmp_path / "whole")


def test_a_shard_and_the_whole_study_exclude_each_other(study_in, hold):
    hold("study", "shared")
    list(run_study(study_in("study", "1/2", objectives="supervised")))  # another shard does not
    with pytest.raises(UserError, match="is in use by process"):
        list(run_study(study_in("study")))
    hold("other", "alone")
    with pytest.raises(UserError, match="is in use by process"):
        list(run_study(study_in("other", "1/2")))


def test_a_run_that_another_command_trains_is_left_alone(study_in, hold, tmp_path):
    hold("study/supervised/seed-0", "alone")
    with pytest.raises(UserError, match=r"supervised/seed-0 is in use by process \d+ on "):
        list(run_study(study_in("study", "1/1")))
    assert [path.name for path in (tmp_path / "study/supervised/seed-0").iterdir()] == [".lock"]


def test_pilot_runs_belong_to_shard_0(study_in, monkeypatch):
    losses(monkeypatch, [1.0, 1.0])
    options = {"training": {"max_steps": -1}}
    with pytest.raises(UserError, match=r"--shard 1/2 needs the training length .* --shard 0/2 first"):
        study_in("study", "1/2", **options).check()
    first = study_in("study", "0/2", **options)
    first.check()
    assert list(run_study(first.with_length())) == []
    second = study_in("study", "1/2", **options).with_known_length()
    second.check()
    assert len(list(run_study(second))) == 2


def test_searches_belong_to_shard_0(study_in, task, config_of, tmp_path):
    def make(shard):
        base = config_of("supervised", max_steps=2)
        del base.training["learning_rate"]
        return Study(task, base, StudyConfig("supervised", seeds=2, search_trials=1, shard=shard), tmp_path / "study")

    with pytest.raises(UserError, match=r"--shard 2/2 needs the settings of the search; .* --shard 0/2 first"):
        make("2/2").check()
    assert list(run_study(make("0/2"))) == []
    make("2/2").check()
    assert len(list(run_study(make("2/2")))) == 1


@pytest.mark.parametrize("text", ["3/2", "0/0", "-1/2", "1", "1/2/3", "a/b", ""])
def test_what_is_no_shard_is_refused(study_in, text):
    with pytest.raises(UserError, match="--shard must be a number and how many there are"):
        study_in("study", text)
