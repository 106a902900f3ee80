"""Jobs in this process, or each in its own process, which reads its job from standard input."""

import json
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from cmploss.errors import Interrupted, UserError
from cmploss.experiment.run_dir import clear_failure, write_failure
from cmploss.studies.run import Advance
from cmploss.training.callbacks import SaveOnInterrupt

WORKER = (sys.executable, "-m", "cmploss.studies.run_worker")
_POLL = 0.2  # seconds between two checks for Ctrl-C


class Job(Protocol):
    """A piece of work; it leaves its results or ``failed.json`` in its folder."""

    @property
    def folder(self) -> Path: ...

    def do(self, task: Any, advance: Advance) -> int:
        """Do the work; returns the signal that came too late to interrupt it, or 0."""
        ...


AnyJob = TypeVar("AnyJob", bound=Job)


def attempt(folder: Path, work: Callable[[], int]) -> int:
    """Do some work; an exception other than Ctrl-C and SIGTERM is written into the folder."""
    clear_failure(folder)
    try:
        return work()
    except Exception as error:
        write_failure(folder, error)
        return 0


def in_this_process(jobs: Iterable[AnyJob], task: Any, advance: Advance) -> Iterator[AnyJob]:
    """Do jobs one after another; the next one is taken after the previous one was yielded."""
    for job in jobs:
        late = attempt(job.folder, partial(job.do, task, advance))
        yield job
        if late:
            raise Interrupted(late)


@dataclass(frozen=True)
class Event:
    """A report of a job in another process: passes, or its end."""

    folder: Path
    passes: int = 0
    exit_code: int | None = None


class Executor(Protocol):
    """Where jobs run."""

    slots: int

    def submit(self, folder: Path, work: bytes) -> None:
        """Start ``python -m cmploss.studies.run_worker FOLDER`` with ``work`` as its standard input."""
        ...

    def events(self, seconds: float) -> Iterator[Event]:
        """The events since the last call; waits at most ``seconds`` for the first one."""
        ...

    def stop(self) -> None:
        """Ask all jobs to write a checkpoint and to end, by closing their standard input."""
        ...

    def close(self) -> None: ...


def in_processes(
    jobs: Iterable[AnyJob], task: Any, advance: Advance, executor: Executor, threads: int
) -> Iterator[AnyJob]:
    """Do jobs with an executor, each with ``threads`` threads, and yield each job that has ended.

    A job has failed if its process ends with an error.

    Raises:
        UserError: The task cannot be pickled.
    """
    waiting, running, asked = iter(jobs), dict[Path, AnyJob](), False
    try:
        shared = pickle.dumps((threads, task))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        reason = f"{task.name} cannot be pickled ({error})"
        raise UserError(f"--jobs and --ray run in other processes, and {reason}; leave the option out") from error
    try:
        with SaveOnInterrupt() as stop:
            while True:
                while not stop.signal and len(running) < executor.slots:
                    job = next(waiting, None)
                    if job is None:
                        break
                    clear_failure(job.folder)
                    executor.submit(job.folder, shared + pickle.dumps(job))
                    running[job.folder] = job
                if not running:
                    break
                if stop.signal and not asked:
                    asked = True
                    executor.stop()
                for event in executor.events(_POLL):
                    if event.exit_code is None:
                        advance(event.passes)
                        continue
                    job = running.pop(event.folder)
                    if event.exit_code != 0:
                        if stop.signal:
                            continue
                        write_failure(event.folder, UserError(f"its process died with exit code {event.exit_code}"))
                    yield job
    finally:
        executor.close()
    if stop.signal:
        raise Interrupted(stop.signal)


class LocalExecutor:
    """Jobs in processes on this machine, started by a command whose last argument is the folder of the job.

    A process writes its progress to standard output, one JSON object per line. It writes a checkpoint and stops when
    its standard input is closed: by :meth:`stop`, or because this process has ended.

    Args:
        slots: Number of processes at the same time.
        command: Starts a process.
        gpus: Each process sees only one of these (in ``CUDA_VISIBLE_DEVICES``), one with the fewest other processes.
    """

    def __init__(self, slots: int, command: Sequence[str] = WORKER, gpus: Sequence[str] = ()):
        self.slots = slots
        self._command, self._gpus = command, gpus
        self._gpu_of: dict[Path, str] = {}
        self._processes: dict[Path, subprocess.Popen[bytes]] = {}
        self._events: queue.Queue[Event] = queue.Queue()

    def submit(self, folder: Path, work: bytes) -> None:
        """Start a process. It has a session of its own, so that Ctrl-C in the terminal does not reach it directly."""
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)}
        if self._gpus:
            used = [self._gpu_of[running] for running in self._processes]
            environment["CUDA_VISIBLE_DEVICES"] = self._gpu_of[folder] = min(self._gpus, key=used.count)
        process = subprocess.Popen(
            [*self._command, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        self._processes[folder] = process
        threading.Thread(target=self._attend, args=(folder, process, work), daemon=True).start()

    def events(self, seconds: float) -> Iterator[Event]:
        with suppress(queue.Empty):
            event = self._events.get(timeout=seconds)
            if event.exit_code is not None and event.folder in self._processes:
                self._end(self._processes.pop(event.folder))
            yield event

    def stop(self) -> None:
        for process in self._processes.values():
            if process.stdin:
                with suppress(BrokenPipeError):  # it ended before it had read its job
                    process.stdin.close()

    def close(self) -> None:
        for process in self._processes.values():
            process.terminate()
            self._end(process)
        self._processes.clear()

    def _attend(self, folder: Path, process: "subprocess.Popen[bytes]", work: bytes) -> None:
        with suppress(BrokenPipeError), process:  # closes its pipes and waits for it
            if process.stdin:
                with suppress(BrokenPipeError, ValueError):  # it has ended, or is asked to stop
                    process.stdin.write(work)
                    process.stdin.flush()
            for line in process.stdout or ():
                self._events.put(Event(folder, json.loads(line)["passes"]))
        self._events.put(Event(folder, exit_code=process.returncode))

    def _end(self, process: "subprocess.Popen[bytes]") -> None:
        process.wait()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGTERM)  # processes that it has started
