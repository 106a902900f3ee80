"""Jobs in processes: results as in one process, processes that die, and Ctrl-C."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from cmploss.studies import Study, StudyConfig, StudyTools, run_study
from cmploss.studies.jobs import Failed, one_by_one
from cmploss.studies.run import Interrupted
from cmploss.studies.study import best_run
from cmploss.studies.workers import in_processes
from tests.studies.test_run import outcome


@dataclass(frozen=True)
class Report:
    """Tells its process and its threads, and advances by its number."""

    number: int

    def do(self, task, advance):
        advance(self.number)
        advance(self.number)
        return os.getpid(), torch.get_num_threads(), len(task.data.train)


@dataclass(frozen=True)
class Raise:
    def do(self, task, advance):
        raise ValueError("no\nluck")


@dataclass(frozen=True)
class Die:
    def do(self, task, advance):
        os._exit(7)


@dataclass(frozen=True)
class Wait:
    """Says that it has begun, and waits for Ctrl-C."""

    folder: str

    def do(self, task, advance):
        (Path(self.folder) / str(os.getpid())).touch()
        time.sleep(60)


@pytest.fixture
def in_two(task, config_of):
    def do(jobs, advance=lambda passes: None):
        return in_processes(jobs, 2, task.data, config_of(), advance)

    return do


def test_jobs_are_done_by_processes_of_their_own_that_share_the_threads(in_two):
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    passes = []
    try:
        found = dict(in_two([Report(number) for number in range(5)], passes.append))
    finally:
        torch.set_num_threads(before)
    assert sorted(job.number for job in found) == [0, 1, 2, 3, 4]
    assert sorted(passes) == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    processes = {process for process, _, _ in found.values()}
    assert len(processes) == 2
    assert os.getpid() not in processes
    assert {(threads, examples) for _, threads, examples in found.values()} == {(2, 42)}


def test_a_job_that_fails_or_dies_loses_nothing_else(in_two, task):
    found = dict(in_two([Die(), Raise(), Report(1), Report(2)]))
    assert found[Die()] == Failed("its process died with exit code 7", "")
    assert found[Raise()].error == "ValueError: no luck"
    assert 'raise ValueError("no\\nluck")' in found[Raise()].traceback
    assert {found[Report(number)][2] for number in (1, 2)} == {42}
    ((_, alone),) = one_by_one([Raise()], task, print)
    assert alone.error == "ValueError: no luck"  # as in one process


def test_ctrl_c_reaches_the_jobs_once_and_takes_no_new_ones(in_two, tmp_path):
    asked = []

    def jobs():
        for _ in range(3):
            asked.append(1)
            yield Wait(str(tmp_path))

    def press(number, frame):
        if len(list(tmp_path.iterdir())) == 2:
            signal.raise_signal(signal.SIGINT)
        else:
            signal.setitimer(signal.ITIMER_REAL, 0.1)

    before = signal.signal(signal.SIGALRM, press)
    handler = signal.getsignal(signal.SIGINT)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    start = time.monotonic()
    try:
        with pytest.raises(Interrupted):
            list(in_two(jobs()))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - start < 55
    assert len(asked) == 2
    assert signal.getsignal(signal.SIGINT) is handler
    for path in tmp_path.iterdir():
        with pytest.raises(ProcessLookupError):
            os.kill(int(path.name), 0)


def test_a_study_in_two_processes_is_the_study_in_one(task, config_of, tmp_path):
    studies = {}
    threads = torch.get_num_threads()
    for jobs in (1, 2):
        torch.set_num_threads(jobs)  # one thread for each process
        config = StudyConfig("supervised,comparative", seeds=2)
        study = Study(task.data, config_of(), config, tmp_path / str(jobs), StudyTools(jobs=jobs))
        study.check()
        passes = []
        assert len(list(run_study(study, passes.append))) == 4
        assert sum(passes) == 12 * (1 + 2) * 2
        studies[jobs] = study
    torch.set_num_threads(threads)
    for one, two in zip(studies[1].records(), studies[2].records(), strict=True):
        assert outcome(one) == outcome(two)
    assert best_run(studies[1]) == best_run(studies[2])
    files = [{path.relative_to(study.folder) for path in study.folder.rglob("*")} for study in studies.values()]
    assert files[0] == files[1]
    weights = [(study.folder / "best" / "model.safetensors").read_bytes() for study in studies.values()]
    assert weights[0] == weights[1]


def test_an_interrupted_study_in_processes_continues(task, config_of, tmp_path):
    def study():
        return Study(
            task.data, config_of(max_steps=30), StudyConfig("supervised", seeds=2), tmp_path, StudyTools(jobs=2)
        )

    pressed = []

    def press(passes):
        if not pressed:
            pressed.append(passes)
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted):
        list(run_study(study(), press))
    left = [run for run in study().runs if not run.finished]
    assert left
    assert not list(tmp_path.rglob("failed.json"))
    steps = []
    assert len(list(run_study(study(), steps.append))) == len(left)
    assert len(study().records()) == 2
    assert not list(tmp_path.rglob("checkpoint-*"))
