"""Jobs in several processes at the same time."""

import multiprocessing
import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.util import Finalize
from typing import Any

import torch

from cmploss.devices import set_threads
from cmploss.studies.jobs import Advance, Failed, Job, Outcome, attempt
from cmploss.studies.quiet import quiet_libraries
from cmploss.studies.run import CONTINUE, Interrupted
from cmploss.tasks.base import LearningTask
from cmploss.training.callbacks import SaveOnInterrupt

_LOOK = 0.2  # seconds between two looks for Ctrl-C
_GRACE = 30.0  # seconds that a process has to end by itself


def in_processes(jobs: Iterable[Job], count: int, task: LearningTask, advance: Advance) -> Iterator[Outcome]:
    """Do jobs in ``count`` processes, each with its share of this one's threads; outcomes come as they are ready.

    A job whose process dies has failed, and another process takes its place. Ctrl-C is passed on, once, to the
    processes that are at work; what they finish is still yielded.

    Args:
        jobs: The next one is taken when a process is free.
        count: Processes at most.
        task: Of the study; every process gets a copy.
        advance: Told the passes of every step.

    Raises:
        Interrupted: After Ctrl-C, once every process has stopped.
    """
    threads = max(1, torch.get_num_threads() // count)
    waiting = iter(jobs)
    idle: list[_Worker] = []
    busy: dict[Any, tuple[_Worker, Job]] = {}
    told = False
    try:
        with SaveOnInterrupt() as stop:
            while True:
                while not stop.interrupted and len(busy) < count and (job := next(waiting, None)) is not None:
                    worker = idle.pop() if idle else _Worker(threads, task)
                    worker.pipe.send(job)
                    busy[worker.pipe] = (worker, job)
                while idle:  # no job waits: those at work may need the memory
                    idle.pop().stop()
                if not busy:
                    break
                if stop.interrupted and not told:
                    told = True
                    for worker, _ in busy.values():
                        worker.interrupt()
                for pipe in wait(list(busy), timeout=_LOOK):
                    worker, job = busy[pipe]
                    try:
                        message = worker.pipe.recv()
                    except (EOFError, OSError):
                        message = None
                    if isinstance(message, int):
                        advance(message)
                        continue
                    del busy[pipe]
                    if message is not None:
                        idle.append(worker)
                        yield job, message[0]
                    else:
                        code = worker.ended()
                        if not stop.interrupted:
                            yield job, Failed(f"its process died with exit code {code}", "")
    finally:
        for worker, _ in busy.values():
            worker.terminate()
        for worker in idle:
            worker.stop()
    if stop.interrupted:
        raise Interrupted(CONTINUE)


class _Worker:
    """A process that does one job after another."""

    def __init__(self, threads: int, task: LearningTask):
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        # No daemon, which could have no processes for its data loader; so its end is ours to see to, at exit as well.
        self._process: BaseProcess = context.Process(target=_work, args=(theirs, threads, task))
        # Until it has a process group of its own, Ctrl-C in the terminal would reach it beside what we pass on.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self._end = Finalize(None, _end, args=(self._process,), exitpriority=0)
        theirs.close()

    def interrupt(self) -> None:
        if self._process.pid is not None and self._process.is_alive():
            os.kill(self._process.pid, signal.SIGINT)

    def ended(self) -> int | None:
        self.pipe.close()
        self._process.join()
        self._end()
        return self._process.exitcode

    def stop(self) -> None:
        """End a process that waits for a job: by itself, for one that is terminated leaks its semaphores."""
        self.pipe.close()
        self._process.join(_GRACE)
        self._end()

    def terminate(self) -> None:
        self.pipe.close()
        self._end()


def _end(process: BaseProcess) -> None:
    """End a process, and those of its group that it has left behind."""
    process.terminate()
    process.join()
    if process.pid is not None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGTERM)


def _work(pipe: "Connection[Any, Any]", threads: int, task: LearningTask) -> None:
    """Do the jobs that come through the pipe until it is closed; progress goes back as numbers, outcomes in a tuple."""
    try:
        os.setpgrp()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        set_threads(threads)
        quiet_libraries()
        while True:
            pipe.send((attempt(pipe.recv(), task, pipe.send),))
    except (KeyboardInterrupt, EOFError, BrokenPipeError):
        return
