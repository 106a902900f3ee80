"""Jobs in processes: results as in one process, processes that die, and Ctrl-C."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from multiprocessing.util import Finalize
from pathlib import Path

import pytest
import torch

from cmploss.studies import Study, StudyConfig, StudyTools, run_study
from cmploss.studies.jobs import Failed, one_by_one
from cmploss.studies.run import Interrupted
from cmploss.studies.study import best_run
from cmploss.studies.workers import in_processes
from tests.studies.test_run import outcome

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Report:
    """Tells its process and its threads, and advances by its number."""

    number: int

    def do(self, task, advance):
        advance(self.number)
        advance(self.number)
        return os.getpid(), torch.get_num_threads(), task.sizes["train"]


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
        time.sleep(120)


@dataclass(frozen=True)
class Name:
    """Names its process in a file."""

    file: str

    def do(self, task, advance):
        Path(self.file).write_text(str(os.getpid()))


@dataclass(frozen=True)
class Outlive:
    """Whether the process that the file names ends while this job goes on."""

    file: str

    def do(self, task, advance):
        for _ in range(300):
            try:
                os.kill(int(Path(self.file).read_text() or os.getpid()), 0)
            except FileNotFoundError:
                pass
            except ProcessLookupError:
                return True
            time.sleep(0.1)
        return False


@dataclass(frozen=True)
class TidyUp:
    """Leaves a file when its process ends as processes should."""

    file: str

    def do(self, task, advance):
        Finalize(None, Path(self.file).touch, exitpriority=0)


@dataclass(frozen=True)
class Parent:
    """Has a child, as a data loader with processes has, names both, and goes on until somebody ends it."""

    folder: str

    def do(self, task, advance):
        child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(120,), daemon=True)
        child.start()
        (Path(self.folder) / f"{os.getpid()}-{child.pid}").touch()
        for _ in range(1200):
            advance(0)
            time.sleep(0.1)


def still_there(folder, patience=15):
    """Of the processes that are named in a folder, two for each job, those that are not gone after so many seconds."""
    names = [path.name for path in folder.iterdir()]
    assert names
    left = {int(number) for name in names for number in name.split("-")}
    end = time.monotonic() + patience
    while left and time.monotonic() < end:
        left = {number for number in left if Path(f"/proc/{number}/cmdline").exists() and not zombie(number)}
        time.sleep(0.1)
    return left


def zombie(number):
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


COMMAND = """
import os, signal, sys, time
from pathlib import Path
from cmploss.model_config import ModelConfig
from cmploss.studies import RunConfig
from cmploss.studies.workers import in_processes
from cmploss.tasks.text import task_data
from tests.local_model import reviews
from tests.studies.test_workers import Name, Parent

if __name__ == "__main__":
    encoder, folder, other, end = sys.argv[1:]
    config = RunConfig(ObjectiveSpec.parse("supervised"), model_config=ModelConfig(encoder, 16))
    outcomes = in_processes([Parent(folder), Name(other)], 2, task_data(reviews(60)), config, print)
    next(outcomes)
    while not list(Path(folder).iterdir()):
        time.sleep(0.1)
    if end == "error":
        raise RuntimeError("and the generator is never closed")
    os.kill(os.getpid(), getattr(signal, end))
    next(outcomes)
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize("end", ["error", "SIGINT", "SIGKILL"])
def test_however_the_command_ends_no_process_stays(encoder, tmp_path, end):
    program, folder = tmp_path / "command.py", tmp_path / "processes"
    program.write_text(COMMAND)
    folder.mkdir()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    command = [sys.executable, str(program), encoder, str(folder), str(tmp_path / "other"), end]
    done = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, timeout=60)
    assert done.returncode != 0
    assert still_there(folder) == set()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_a_generator_that_is_closed_leaves_no_process(in_two, tmp_path):
    def tell(passes):
        if len(list(tmp_path.iterdir())) == 2:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        list(in_two([Parent(str(tmp_path))] * 2, tell))
    assert still_there(tmp_path, patience=2) == set()


def test_runs_in_processes_may_load_data_in_processes(task, config_of, tmp_path):
    def study(jobs, loaders):
        config = config_of("supervised", dataloader_num_workers=loaders, max_steps=4)
        name = f"{jobs}-{loaders}"
        return Study(task, config, StudyConfig("supervised", seeds=2), tmp_path / name, StudyTools(jobs=jobs))

    threads = torch.get_num_threads()
    found = {}
    try:
        for jobs, loaders in ((2, 1), (1, 0)):
            torch.set_num_threads(jobs)  # one for each process
            done = study(jobs, loaders)
            list(run_study(done))
            assert done.failures() == {}
            found[jobs] = [(record.scores, record.predictions) for record in done.records()]
    finally:
        torch.set_num_threads(threads)
    assert len(found[2]) == 2
    assert found[2] == found[1]


@pytest.fixture
def in_two(task, config_of):
    def do(jobs, advance=lambda passes: None):
        return in_processes(jobs, 2, task, advance)

    return do


def test_processes_share_the_threads_and_a_job_that_fails_or_dies_loses_nothing_else(in_two, task):
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    passes = []
    try:
        found = dict(in_two([Die(), Raise(), *(Report(number) for number in range(4))], passes.append))
    finally:
        torch.set_num_threads(before)
    assert found[Die()] == Failed("its process died with exit code 7", "")
    assert found[Raise()].error == "ValueError: no luck"
    assert 'raise ValueError("no\\nluck")' in found[Raise()].traceback
    ((_, alone),) = one_by_one([Raise()], task, print)
    assert alone.error == "ValueError: no luck"  # as in one process
    reports = [found[Report(number)] for number in range(4)]
    assert sorted(passes) == [0, 0, 1, 1, 2, 2, 3, 3]
    assert os.getpid() not in {process for process, _, _ in reports}
    assert {(threads, examples) for _, threads, examples in reports} == {(2, 42)}


def test_a_process_without_a_job_does_not_hold_its_memory(in_two, tmp_path):
    file = str(tmp_path / "process")
    assert dict(in_two([Outlive(file), Name(file)]))[Outlive(file)] is True


def test_a_process_without_a_job_ends_by_itself(in_two, tmp_path):
    files = [tmp_path / name for name in "ab"]
    assert len(list(in_two([TidyUp(str(file)) for file in files]))) == 2
    assert all(file.exists() for file in files)


def test_ctrl_c_reaches_the_jobs_once_and_takes_no_new_ones(in_two, tmp_path):
    asked, pressed = [], []

    def jobs():
        for _ in range(3):
            asked.append(1)
            yield Wait(str(tmp_path))

    def press(number, frame):
        if len(list(tmp_path.iterdir())) == 2:
            pressed.append(time.monotonic())
            signal.raise_signal(signal.SIGINT)
        else:
            signal.setitimer(signal.ITIMER_REAL, 0.1)

    before = signal.signal(signal.SIGALRM, press)
    handler = signal.getsignal(signal.SIGINT)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        with pytest.raises(Interrupted):
            list(in_two(jobs()))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - pressed[0] < 60  # and not as long as they would wait
    assert len(asked) == 2
    assert signal.getsignal(signal.SIGINT) is handler
    for path in tmp_path.iterdir():
        with pytest.raises(ProcessLookupError):
            os.kill(int(path.name), 0)


def test_a_study_in_two_processes_that_is_interrupted_is_the_study_in_one(task, config_of, tmp_path):
    def study(jobs):
        config = StudyConfig("supervised,comparative", seeds=2)
        tools = StudyTools(jobs=jobs, dropout_power="0,1")
        return Study(task, config_of(), config, tmp_path / str(jobs), tools)

    pressed, passes = [], []

    def press(count):
        if not pressed:
            pressed.append(count)
            signal.raise_signal(signal.SIGINT)

    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)  # one for each process
        with pytest.raises(Interrupted):
            list(run_study(study(2), press))
        assert not list(tmp_path.rglob("failed.json"))
        done = sum(run.finished for run in study(2).runs)
        assert done < 4
        study(2).check()
        assert len(list(run_study(study(2), passes.append))) == 4 - done
        torch.set_num_threads(1)
        whole = study(1)
        assert len(list(run_study(whole))) == 4
    finally:
        torch.set_num_threads(threads)
    if not done:
        assert sum(passes) == 12 * (1 + 2) * 2  # with what the checkpoints hold
    for one, two in zip(whole.records(), study(2).records(), strict=True):
        # The log after the interruption averages over the resumed steps alone.
        assert outcome(replace(one, history=[])) == outcome(replace(two, history=[]))
        assert one.history[-1] == two.history[-1]
        assert "test_dropout_power_1" in two.scores
    assert best_run(whole) == best_run(study(2))
    files = [{path.relative_to(tmp_path / jobs) for path in (tmp_path / jobs).rglob("*")} for jobs in ("1", "2")]
    assert files[0] == files[1]
    weights = [(tmp_path / jobs / "best" / "model.safetensors").read_bytes() for jobs in ("1", "2")]
    assert weights[0] == weights[1]
