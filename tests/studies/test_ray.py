"""A study on a Ray cluster is the study in one process, also where workers are killed or it is stopped."""

import os
import queue
import signal
import sys
import time
import types
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import pytest

from cmploss.errors import UserError
from cmploss.studies import Study, StudyConfig, run_study
from cmploss.studies.run import Interrupted
from cmploss.studies.study_config import RayResources
from tests.studies.test_kills import contents
from tests.studies.test_shards import run_in_child

needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed")
pytestmark = pytest.mark.filterwarnings("default")  # those of ray


def parent(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])


def workers():
    """The processes that do a job in the Ray cluster of this process."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (folder / "cmdline").read_text().startswith("ray::_work") and parent(parent(folder.name)) == os.getpid():
                found.append(int(folder.name))
    return found


@pytest.fixture
def study_in(task, config_of, tmp_path):
    def make(folder, **options):
        training = {"max_steps": 4, **options.pop("training", {})}
        config = StudyConfig("supervised,comparative", seeds=1, **options)
        return Study(task, config_of("supervised", **training), config, tmp_path / folder)

    return make


class Ray(types.ModuleType):
    """Does each task at once, in this process; the results of the tasks in ``errors`` raise."""

    def __init__(self, errors=()):
        super().__init__("ray")
        self.errors, self.options, self.calls = list(errors), [], []
        self.exceptions = types.SimpleNamespace(RayError=RayError, TaskCancelledError=TaskCancelledError)
        self.queue = types.ModuleType("ray.util.queue")
        self.queue.Queue = Queue

    def is_initialized(self):
        return False

    def init(self, **options):
        self.calls.append("init")

    def shutdown(self):
        self.calls.append("shutdown")

    def remote(self, **options):
        self.options.append(options)
        return lambda function: types.SimpleNamespace(remote=lambda *values: self.done(function, values))

    def done(self, function, values):
        error = self.errors.pop() if self.errors else None
        if error is None:
            function(*values)
        return Reference(error)

    def wait(self, references, timeout):
        return references[:1], references[1:]

    def get(self, reference):
        if reference.error:
            raise reference.error


class RayError(Exception):
    pass


class TaskCancelledError(RayError):
    pass


class Reference:
    def __init__(self, error):
        self.error = error


class Queue(queue.SimpleQueue):
    def __init__(self, actor_options):
        super().__init__()

    def get_nowait_batch(self, count):
        return [self.get() for _ in range(count)]

    def shutdown(self):
        pass


@pytest.fixture
def ray(monkeypatch):
    def install(*errors):
        module = Ray(errors)
        for name in ("ray", "ray.util", "ray.util.queue"):
            monkeypatch.setitem(sys.modules, name, module.queue if name == "ray.util.queue" else module)
        monkeypatch.setattr("cmploss.studies.study_config.find_spec", lambda name: True)
        return module

    return install


def test_each_run_is_a_task_with_its_resources(study_in, ray):
    stub, passes = ray(), []
    study = study_in("study", ray="num_cpus=1,num_gpus=0.5,max_retries=2")
    assert len(list(run_study(study, passes.append))) == 2
    assert sum(passes) == 4 * (1 + 2)
    assert stub.options == [{"max_calls": 1, "num_cpus": 1.0, "num_gpus": 0.5, "max_retries": 2}]
    assert stub.calls == ["init", "shutdown"]


def test_a_task_that_dies_for_good_is_a_failed_run_and_the_others_go_on(study_in, ray):
    ray(RayError("its node is gone"))
    study = study_in("study", ray="num_cpus=1")
    assert len(list(run_study(study))) == 1
    assert study.failures() == {"supervised/seed-0": "its process died with exit code 1"}


@needs_ray
@pytest.mark.slow
def test_a_worker_that_is_killed_loses_only_its_unfinished_part(study_in, tmp_path):
    training = {"max_steps": 40, "save_strategy": "steps", "save_steps": 10, "save_total_limit": 1}
    study = study_in("ray", ray="num_cpus=1", training=training)
    passes, killed = [], []

    def kill(count):
        passes.append(count)
        if not killed and list(study.folder.glob("*/seed-0/checkpoint-*")):
            killed.extend(workers())
            os.kill(killed[0], signal.SIGKILL)

    assert len(list(run_study(study, kill))) == 2
    assert killed
    assert not study.failures()
    assert 40 * (1 + 2) < sum(passes) < 2 * 40 * (1 + 2)  # a run reports the steps of its checkpoint again
    assert os.waitpid(run_in_child(study_in("whole", training=training)), 0)[1] == 0
    assert contents(tmp_path / "ray") == contents(tmp_path / "whole")


@needs_ray
@pytest.mark.slow
def test_a_study_that_is_stopped_saves_and_continues(study_in, tmp_path):
    pressed = []

    def press(passes):
        if not pressed:
            pressed.append(time.monotonic())
            signal.raise_signal(signal.SIGINT)

    options = {"training": {"max_steps": 60}, "ray": "num_cpus=1", "jobs": 2}
    with pytest.raises(Interrupted):
        list(run_study(study_in("ray", **options), press))
    assert list((tmp_path / "ray").glob("*/seed-0/checkpoint-*"))
    assert not list((tmp_path / "ray").rglob("failed.json"))
    again = study_in("ray", **options)
    again.check()
    list(run_study(again))
    assert os.waitpid(run_in_child(study_in("whole", training={"max_steps": 60})), 0)[1] == 0
    assert contents(tmp_path / "ray") == contents(tmp_path / "whole")


@pytest.mark.parametrize("text", ["cpus=2", "num_cpus=a", "2", "max_retries=0.5"])
def test_what_are_no_resources_is_refused(study_in, text):
    with pytest.raises(UserError, match="--ray must be as in num_cpus=2,num_gpus=1,max_retries=3, got"):
        study_in("study", ray=text)


def test_ray_that_is_missing_is_named(monkeypatch):
    monkeypatch.setattr("cmploss.studies.study_config.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"--ray needs ray; install it with: pip install 'cmploss\[ray\]'"):
        RayResources.parse("num_cpus=1")
