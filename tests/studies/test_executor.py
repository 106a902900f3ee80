"""Jobs in this process and in others: their order, failures and Ctrl-C; and a study in processes is the same study."""

import atexit
import json
import os
import pickle
import signal
import sys
import time
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
import torch

from cmploss.devices import visible_gpus
from cmploss.experiment.best_run import read_best
from cmploss.experiment.condition import Condition, Noise
from cmploss.experiment.run_dir import failure_of
from cmploss.studies import Study, StudyConfig, run_study
from cmploss.studies.executor import Event, LocalExecutor, in_processes, in_this_process
from cmploss.studies.hyper_search import SearchJob
from cmploss.studies.plan import PlannedRun
from cmploss.studies.run import Interrupted
from cmploss.studies.run_config import Start
from cmploss.studies.run_job import RunJob
from cmploss.tasks.text.noise.back_translation import BackTranslation

ROOT = Path(__file__).parents[2]


class Job:
    """Calls a function."""

    def __init__(self, folder, work=bool):
        self.folder = folder
        self.work = work

    def do(self, task, advance):
        advance(3)
        return self.work() or 0


def end_slowly():
    atexit.register(time.sleep, 1.0)


def jobs_in(folder, count, taken):
    """Jobs that are noted when they are taken."""
    for number in range(count):
        taken.append(number)
        yield Job(folder / str(number))


class Recorder:
    """An executor that ends the jobs in the order in which the test says so."""

    slots = 2

    def __init__(self, *events):
        self.script = list(events)
        self.calls = []

    def submit(self, folder, work):
        stream = BytesIO(work)
        (threads, _), job = pickle.load(stream), pickle.load(stream)
        self.calls.append(("submit", folder.name, threads, job))

    def events(self, seconds):
        found = self.script.pop(0)
        yield from found() if callable(found) else [found]

    def stop(self):
        self.calls.append(("stop",))

    def close(self):
        self.calls.append(("close",))


def collect(jobs, done):
    for job in jobs:
        done.append(job.folder.name)  # extend would lose them where the generator raises


def names(calls):
    return [call[:2] for call in calls]


def test_in_this_process_an_error_is_written_down_and_the_others_go_on(tmp_path):
    def fail():
        raise ValueError("no\nluck")

    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "failed.json").write_text('{"error": "an earlier one"}')
    jobs = [Job(tmp_path / "bad", fail), Job(tmp_path / "good")]
    passes = []
    assert list(in_this_process(jobs, None, passes.append)) == jobs
    assert failure_of(tmp_path / "bad") == "ValueError: no luck"
    lines = json.loads((tmp_path / "bad" / "failed.json").read_text())["traceback"]
    assert any('raise ValueError("no\\nluck")' in line for line in lines)
    assert failure_of(tmp_path / "good") is None
    assert passes == [3, 3]


def test_in_this_process_a_late_ctrl_c_stops_after_the_job(tmp_path):
    taken = []
    jobs = in_this_process((replace_work(job) for job in jobs_in(tmp_path, 3, taken)), None, print)
    assert next(jobs).folder.name == "0"
    with pytest.raises(Interrupted):
        next(jobs)
    assert taken == [0]


def replace_work(job):
    return Job(job.folder, lambda: True)


def test_ctrl_c_within_a_job_of_this_process_is_no_failure(tmp_path):
    def press():
        raise Interrupted

    with pytest.raises(Interrupted):
        list(in_this_process([Job(tmp_path, press)], None, print))
    assert failure_of(tmp_path) is None


def test_a_job_is_submitted_when_a_slot_is_free(tmp_path):
    taken, passes, done = [], [], []
    ends = [Event(tmp_path / "1", 5), *(Event(tmp_path / name, exit_code=0) for name in "102")]
    executor = Recorder(*ends)
    for job in in_processes(jobs_in(tmp_path, 3, taken), "the task", passes.append, executor, 7):
        done.append((job.folder.name, list(taken)))
    assert done == [("1", [0, 1]), ("0", [0, 1, 2]), ("2", [0, 1, 2])]
    assert names(executor.calls) == [*(("submit", name) for name in "012"), ("close",)]
    assert (executor.calls[2][2], executor.calls[2][3].folder) == (7, tmp_path / "2")
    assert not list(tmp_path.iterdir())
    assert passes == [5]


def test_a_process_that_dies_has_failed_and_loses_nothing_else(tmp_path):
    executor = Recorder(Event(tmp_path / "0", exit_code=-9), Event(tmp_path / "1", exit_code=0))
    assert len(list(in_processes(jobs_in(tmp_path, 2, []), None, print, executor, 1))) == 2
    assert failure_of(tmp_path / "0") == "its process died with exit code -9"
    assert failure_of(tmp_path / "1") is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_asks_once_takes_no_new_job_and_yields_what_is_finished(tmp_path, number):
    def press():
        signal.raise_signal(number)
        yield Event(tmp_path / "0", 1)

    taken, done = [], []
    handler = signal.getsignal(signal.SIGINT)
    ends = [Event(tmp_path / "0", 1), Event(tmp_path / "0", exit_code=130), Event(tmp_path / "1", exit_code=0)]
    executor = Recorder(press, *ends)
    jobs = in_processes(jobs_in(tmp_path, 3, taken), None, print, executor, 1)
    with pytest.raises(Interrupted) as stopped:
        collect(jobs, done)
    assert stopped.value.signal == number
    assert done == ["1"]
    assert taken == [0, 1]
    assert names(executor.calls)[2:] == [("stop",), ("close",)]
    assert failure_of(tmp_path / "0") is None
    assert signal.getsignal(signal.SIGINT) is handler


def test_what_a_broken_consumer_leaves_is_closed(tmp_path):
    executor = Recorder(Event(tmp_path / "0", exit_code=0))
    jobs = in_processes(jobs_in(tmp_path, 2, []), None, print, executor, 1)
    next(jobs)
    jobs.close()
    assert executor.calls[-1] == ("close",)


WAIT = "import json, os, sys\nprint(json.dumps({'passes': os.getpid()}), flush=True)\nsys.stdin.read()\nsys.exit(130)"
IGNORE = "import json, os, time\nprint(json.dumps({'passes': os.getpid()}), flush=True)\ntime.sleep(600)"
FORK = "import os\nif os.fork():\n    " + IGNORE.replace("\n", "\n    ") + "\nelse:\n    import time; time.sleep(600)"


def events_of(executor, count):
    """So many events, however long they take."""
    found = []
    while len(found) < count:
        found += executor.events(60)
    return found


def test_a_process_reports_passes_and_its_exit_code(tmp_path):
    program = "import sys\nfor passes in (2, 3):\n    print('{\"passes\": %d}' % passes)\nsys.exit(len(sys.argv[1]))"
    executor = LocalExecutor(1, (sys.executable, "-c", program))
    executor.submit(tmp_path, b"")
    expected = [Event(tmp_path, 2), Event(tmp_path, 3), Event(tmp_path, exit_code=len(str(tmp_path)))]
    assert events_of(executor, 3) == expected
    assert list(executor.events(0)) == []


SHOW_GPU = (
    "import os, sys\nprint('{\"passes\": %s}' % os.environ['CUDA_VISIBLE_DEVICES'], flush=True)\nsys.stdin.read()"
)


def test_each_process_has_one_gpu_and_more_processes_share_them(tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7,9")  # the third is not there
    executor = LocalExecutor(4, (sys.executable, "-c", SHOW_GPU), gpus=visible_gpus())
    try:
        for name in "abc":
            executor.submit(tmp_path / name, b"")
        seen = {event.folder.name: event.passes for event in events_of(executor, 3)}
        assert seen == {"a": 5, "b": 7, "c": 5}
        executor._processes[tmp_path / "a"].stdin.close()
        assert events_of(executor, 1) == [Event(tmp_path / "a", exit_code=0)]
        executor.submit(tmp_path / "d", b"")  # each GPU has one process now
        executor.submit(tmp_path / "e", b"")
        assert {event.folder.name: event.passes for event in events_of(executor, 2)} == {"d": 5, "e": 7}
    finally:
        executor.close()


@pytest.mark.parametrize(("given", "expected"), [(None, ["0", "1"]), ("GPU-8f,GPU-3a", ["GPU-8f", "GPU-3a"])])
def test_gpus_have_the_names_of_the_environment(given, expected, monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if given:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    assert visible_gpus() == expected


def test_a_process_sees_the_modules_of_this_one(tmp_path, monkeypatch):
    (tmp_path / "here_alone.py").write_text("PASSES = 11")
    monkeypatch.syspath_prepend(tmp_path)
    program = "import here_alone\nprint('{\"passes\": %d}' % here_alone.PASSES)"
    executor = LocalExecutor(1, (sys.executable, "-c", program))
    executor.submit(tmp_path, b"")
    assert events_of(executor, 2) == [Event(tmp_path, 11), Event(tmp_path, exit_code=0)]


def test_a_process_that_is_asked_to_stop_finds_its_input_closed(tmp_path):
    executor = LocalExecutor(2, (sys.executable, "-c", WAIT))
    for name in "ab":
        executor.submit(tmp_path / name, b"")
    assert {event.exit_code for event in events_of(executor, 2)} == {None}
    executor.stop()
    assert {event.exit_code for event in events_of(executor, 2)} == {130}


def test_a_process_reads_all_of_a_long_job_and_may_end_before(tmp_path):
    read = "import sys\nprint('{\"passes\": %d}' % len(sys.stdin.buffer.read(1_000_000)))"
    executor = LocalExecutor(1, (sys.executable, "-c", read))
    executor.submit(tmp_path, bytes(1_000_000))
    assert events_of(executor, 2) == [Event(tmp_path, 1_000_000), Event(tmp_path, exit_code=0)]
    executor = LocalExecutor(1, (sys.executable, "-c", "import sys\nsys.exit(3)"))
    executor.submit(tmp_path, bytes(1_000_000))
    assert events_of(executor, 1) == [Event(tmp_path, exit_code=3)]


@pytest.mark.parametrize("program", [IGNORE, FORK])
def test_closing_ends_processes_and_their_children(tmp_path, program):
    executor = LocalExecutor(1, (sys.executable, "-c", program))
    executor.submit(tmp_path, b"")
    (event,) = events_of(executor, 1)
    executor.close()
    with pytest.raises(ProcessLookupError):
        os.kill(event.passes, 0)  # gone, and waited for
    # The pipe is at its end once neither the process nor its children hold it.
    assert events_of(executor, 1) == [Event(tmp_path, exit_code=-signal.SIGTERM)]


def test_a_process_is_not_interrupted_at_its_end(tmp_path, capfd):
    job = Job(tmp_path, end_slowly)
    assert list(in_processes([job], None, lambda passes: None, LocalExecutor(1), 1)) == [job]
    assert "KeyboardInterrupt" not in capfd.readouterr().err


def test_jobs_are_the_same_in_another_process(config_of, tmp_path):
    config = replace(
        config_of("comparative+rdrop(alpha=2)", 3, few_shot=8),
        noise=Noise("label", 0.25),
        translation=BackTranslation("to", "back", tmp_path / "cache"),
        start=Start(tmp_path / "model", {"task": "sst2"}),
        search={"trials": 2},
        powers=(0, 1),
    )
    run = PlannedRun(config, tmp_path, Condition(8, config.noise, 100), 4, keep=True)
    for job in (RunJob(run), SearchJob(run, 5)):
        assert pickle.loads(pickle.dumps(job)) == job
    again = pickle.loads(pickle.dumps(config))
    assert again.spec.search_space == config.spec.search_space == {"n_drop": (1, 2, 3)}  # alpha is fixed


def test_a_study_in_two_processes_that_is_interrupted_is_the_study_in_one(task, config_of, tmp_path):
    def study(jobs):
        config = StudyConfig("supervised,comparative", seeds=1, jobs=jobs, dropout_power="0,1")
        base = config_of("supervised", dataloader_num_workers=jobs - 1)
        return Study(task, base, config, tmp_path / str(jobs))

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
        assert done < 2
        study(2).check()
        assert len(list(run_study(study(2), passes.append))) == 2 - done
        torch.set_num_threads(1)
        whole = study(1)
        assert len(list(run_study(whole))) == 2
    finally:
        torch.set_num_threads(threads)
    if not done:
        assert sum(passes) == 12 * (1 + 2)  # with what the checkpoints hold
    for one, two in zip(whole.records(), study(2).records(), strict=True):
        # The log after the interruption averages over the resumed steps alone; settings name the loaders.
        assert one.predictions == two.predictions
        assert one.scores == two.scores
        assert one.history[-1] == two.history[-1]
    one, two = ({**read_best(each.folder), "created": ""} for each in (whole, study(2)))
    assert one == two
    files = [{path.relative_to(tmp_path / jobs) for path in (tmp_path / jobs).rglob("*")} for jobs in ("1", "2")]
    assert files[0] == files[1]
    weights = [(tmp_path / jobs / "best" / "model.safetensors").read_bytes() for jobs in ("1", "2")]
    assert weights[0] == weights[1]
