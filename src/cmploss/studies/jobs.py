"""Pieces of work in this process or in several, and what came of them."""

import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from cmploss.tasks.base import LearningTask

Advance = Callable[[int], None]
"""Told the passes of every step, to show progress."""


class Job(Protocol):
    """A piece of work that another process can do: it and its result can be pickled."""

    def do(self, task: LearningTask, advance: Advance) -> Any:
        """Do it."""
        ...


@dataclass(frozen=True)
class Failed:
    """A job that raised an exception.

    Attributes:
        error: The exception in one line.
        traceback: Where it was raised; "" where that is not known.
    """

    error: str
    traceback: str


Outcome = tuple[Any, Any]
"""A job, and its result or :class:`Failed`."""


def attempt(job: Job, task: LearningTask, advance: Advance) -> Any:
    """Do a job; an exception becomes :class:`Failed`, but Ctrl-C stays what it is."""
    try:
        return job.do(task, advance)
    except Exception as error:
        message = " ".join(str(error).split())
        return Failed(f"{type(error).__name__}: {message}", traceback.format_exc())


def one_by_one(jobs: Iterable[Job], task: LearningTask, advance: Advance) -> Iterator[Outcome]:
    """Do jobs in this process; each is taken when the one before it is settled."""
    for job in jobs:
        yield job, attempt(job, task, advance)
