"""Where the jobs of a study run: in this process, in subprocesses, or on a Ray cluster."""

import os
import pickle
import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

import torch

from cmploss.devices import set_threads, visible_gpus
from cmploss.errors import UserError
from cmploss.studies.executor import AnyJob, Event, LocalExecutor, attempt, in_processes, in_this_process
from cmploss.studies.quiet import quiet_libraries
from cmploss.studies.run import Advance
from cmploss.studies.study_config import RayResources, StudyConfig


def do_jobs(jobs: Iterable[AnyJob], task: Any, advance: Advance, config: StudyConfig) -> Iterator[AnyJob]:
    """Do jobs where the options of a study say, and yield each job that has ended."""
    if config.on_ray is not None:
        threads = max(1, int(config.on_ray.num_cpus))
        return in_processes(jobs, task, advance, RayExecutor(config.jobs, config.on_ray), threads)
    if config.jobs == 1:
        return in_this_process(jobs, task, advance)
    threads = max(1, torch.get_num_threads() // config.jobs)
    return in_processes(jobs, task, advance, LocalExecutor(config.jobs, gpus=visible_gpus()), threads)


class RayExecutor:
    """Jobs as tasks on the Ray cluster of ``RAY_ADDRESS``, or on one that is started on this machine.

    A task whose worker dies is started again, and its run continues from its last whole checkpoint.

    Args:
        slots: Number of jobs at the same time.
        resources: Of each job.
    """

    def __init__(self, slots: int, resources: RayResources):
        ray: Any = import_module("ray")  # an extra
        self.slots, self._ray = slots, ray
        self._ours = not ray.is_initialized()
        if self._ours:
            try:
                ray.init(log_to_driver=False)
            except Exception as fault:
                reason = (str(fault).strip() or type(fault).__name__).splitlines()[0]
                raise UserError(f"--ray: Ray does not start: {reason}") from fault
        self._queue: Any = import_module("ray.util.queue").Queue(actor_options={"num_cpus": 0})
        self._task: Any = ray.remote(max_calls=1, **vars(resources))(_work)
        self._running: dict[Any, Path] = {}

    def submit(self, folder: Path, work: bytes) -> None:
        reference = self._task.remote(folder, work, Path.cwd(), list(sys.path), self._queue)
        self._running[reference] = folder

    def events(self, seconds: float) -> Iterator[Event]:
        ended, _ = self._ray.wait(list(self._running), timeout=seconds)
        for folder, passes in self._queue.get_nowait_batch(self._queue.qsize()):
            yield Event(folder, passes)
        for reference in ended:
            yield Event(self._running.pop(reference), exit_code=self._exit_code(reference))

    def stop(self) -> None:
        for reference in self._running:
            self._ray.cancel(reference)  # Ctrl-C in the worker

    def close(self) -> None:
        for reference in self._running:
            self._ray.cancel(reference, force=True)
        self._queue.shutdown()
        if self._ours:
            self._ray.shutdown()

    def _exit_code(self, reference: Any) -> int:
        try:
            self._ray.get(reference)
        except self._ray.exceptions.TaskCancelledError:
            return 130
        except self._ray.exceptions.RayError:
            return 1
        return 0


def _work(folder: Path, work: bytes, place: Path, path: list[str], events: Any) -> None:
    """Do a job in a worker of Ray; ``place`` is on a file system of all machines."""
    os.chdir(place)
    sys.path[:] = dict.fromkeys([*sys.path, *path])
    stream = BytesIO(work)

    def do() -> int:
        (threads, task), job = pickle.load(stream), pickle.load(stream)
        set_threads(threads)
        return int(job.do(task, lambda passes: events.put((folder, passes))))

    quiet_libraries()
    attempt(folder, do)
