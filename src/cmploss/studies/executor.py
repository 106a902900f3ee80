"""Jobs in this process, or each in a process of its own that reads and writes the folder of the job."""

import json
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from cmploss.atomic import write_bytes
from cmploss.errors import UserError
from cmploss.experiment.run_dir import JOB_FILE, clear_failure, write_failure
from cmploss.studies.run import CONTINUE, Advance, Interrupted
from cmploss.training.callbacks import SaveOnInterrupt

WORKER = (sys.executable, "-m", "cmploss.studies.run_worker")
INTERRUPTED = 130  # the exit status of a worker that stopped as asked
_LOOK = 0.2  # seconds between two looks for Ctrl-C


class Job(Protocol):
    """A piece of work. What comes of it, or ``failed.json``, is left in its folder."""

    @property
    def folder(self) -> Path: ...

    def do(self, task: Any, advance: Advance) -> bool:
        """Do the work; returns whether Ctrl-C came too late to interrupt it."""
        ...


AnyJob = TypeVar("AnyJob", bound=Job)


def attempt(folder: Path, work: Callable[[], bool]) -> bool:
    """Do some work; an exception is written into the folder, except Ctrl-C, which stays what it is."""
    clear_failure(folder)
    try:
        return work()
    except Exception as error:
        write_failure(folder, error)
        return False


def in_this_process(jobs: Iterable[AnyJob], task: Any, advance: Advance) -> Iterator[AnyJob]:
    """Do jobs one after another; the next one is taken when the one before it is settled."""
    for job in jobs:
        late = attempt(job.folder, partial(job.do, task, advance))
        yield job
        if late:
            raise Interrupted(CONTINUE)


@dataclass(frozen=True)
class Event:
    """What a job in another process reports."""

    folder: Path
    passes: int = 0
    exit_code: int | None = None


class Executor(Protocol):
    """Where jobs run: ``python -m cmploss.studies.run_worker FOLDER`` does the job in ``job.pickle`` of the folder."""

    slots: int

    def submit(self, folder: Path) -> None: ...

    def events(self, seconds: float) -> Iterator[Event]:
        """What has happened; waits for the first event at most so long."""
        ...

    def stop(self) -> None:
        """Ask all jobs to write a checkpoint and to end."""
        ...

    def close(self) -> None: ...


def in_processes(
    jobs: Iterable[AnyJob], executor: Executor, advance: Advance, shared: Mapping[str, Any]
) -> Iterator[AnyJob]:
    """Do jobs with an executor, and yield each when it has ended. A job whose process dies has failed.

    ``shared`` is what the processes need of all jobs: the file of the task and the number of threads.
    """
    waiting, running, asked = iter(jobs), dict[Path, AnyJob](), False
    try:
        with SaveOnInterrupt() as stop:
            while True:
                while not stop.interrupted and len(running) < executor.slots:
                    job = next(waiting, None)
                    if job is None:
                        break
                    clear_failure(job.folder)
                    write_bytes(job.folder / JOB_FILE, pickle.dumps({"job": job, **shared}))
                    executor.submit(job.folder)
                    running[job.folder] = job
                if not running:
                    break
                if stop.interrupted and not asked:
                    asked = True
                    executor.stop()
                for event in executor.events(_LOOK):
                    if event.exit_code is None:
                        advance(event.passes)
                        continue
                    job = running.pop(event.folder)
                    (event.folder / JOB_FILE).unlink(missing_ok=True)
                    if event.exit_code != 0:
                        if stop.interrupted:
                            continue
                        write_failure(event.folder, UserError(f"its process died with exit code {event.exit_code}"))
                    yield job
    finally:
        executor.close()
    if stop.interrupted:
        raise Interrupted(CONTINUE)


class LocalExecutor:
    """Jobs in processes of this machine.

    A process writes its progress to its standard output, one JSON object a line. It stops with a checkpoint once its
    standard input is closed: because it is asked to, or because this process has ended, in whatever way.
    """

    def __init__(self, slots: int, command: Sequence[str] = WORKER):
        self.slots = slots
        self._command = command
        self._processes: dict[Path, subprocess.Popen[bytes]] = {}
        self._events: queue.Queue[Event] = queue.Queue()

    def submit(self, folder: Path) -> None:
        """Start a process. It has a session of its own, so that Ctrl-C in the terminal does not reach it directly."""
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)}
        process = subprocess.Popen(
            [*self._command, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        self._processes[folder] = process
        threading.Thread(target=self._read, args=(folder, process), daemon=True).start()

    def events(self, seconds: float) -> Iterator[Event]:
        with suppress(queue.Empty):
            event = self._events.get(timeout=seconds)
            if event.exit_code is not None and event.folder in self._processes:
                self._end(self._processes.pop(event.folder))
            yield event

    def stop(self) -> None:
        for process in self._processes.values():
            if process.stdin:
                process.stdin.close()

    def close(self) -> None:
        for process in self._processes.values():
            process.terminate()
            self._end(process)
        self._processes.clear()

    def _read(self, folder: Path, process: "subprocess.Popen[bytes]") -> None:
        with process:  # closes its pipes and waits for it
            for line in process.stdout or ():
                self._events.put(Event(folder, json.loads(line)["passes"]))
        self._events.put(Event(folder, exit_code=process.returncode))

    def _end(self, process: "subprocess.Popen[bytes]") -> None:
        process.wait()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGTERM)  # what it has left behind
