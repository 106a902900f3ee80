"""Callbacks of the Trainer: progress, epochs, memory, and stopping without losing work."""

import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from cmploss.cpu import keep_freed_memory, return_freed_memory


class StepProgress(TrainerCallback):
    """Calls ``advance(steps)`` after every optimizer step, and at the start with the steps of a resumed run."""

    def __init__(self, advance: Callable[[int], None]):
        self.advance = advance

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Count the steps of an earlier session."""
        self.advance(state.global_step)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Count one step."""
        self.advance(1)


class EpochOfData(TrainerCallback):
    """Passes the epoch to the training dataset and its sampler if they have ``set_epoch``.

    accelerate does so too, but not if a sampler is sharded over processes or resumed within an epoch.
    """

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Pass the number of the epoch that begins or continues."""
        loader = kwargs["train_dataloader"]
        for part in (loader.dataset, *_samplers_of(loader)):
            if hasattr(part, "set_epoch"):
                part.set_epoch(int(state.epoch or 0))


def _samplers_of(loader: Any) -> Iterator[Any]:
    """The samplers of a loader, from the outermost wrapper to the innermost."""
    part = loader
    while part is not None:
        inner = getattr(part, "batch_sampler", None)
        part = getattr(part, "sampler", None) if inner is None else inner
        yield part


class KeepFreedMemory(TrainerCallback):
    """On a CPU, training keeps freed memory for the next step (:func:`cmploss.cpu.keep_freed_memory`)."""

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Keep freed memory from now on."""
        if args.device.type == "cpu":
            keep_freed_memory()

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Return the memory that the last step freed."""
        if args.device.type == "cpu":
            return_freed_memory()


class SaveOnInterrupt(TrainerCallback):
    """On Ctrl-C, finish the step, write a checkpoint and stop training; a second Ctrl-C stops at once.

    A context manager: outside its block, and in other threads, Ctrl-C is not changed.

    Attributes:
        interrupted: Whether that has happened.
    """

    def __init__(self) -> None:
        self.interrupted = False
        self._previous: Any = None

    def __enter__(self) -> "SaveOnInterrupt":
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *error: object) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Save and stop if asked to."""
        if self.interrupted and state.global_step < state.max_steps:
            control.should_save = True
            control.should_training_stop = True

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.interrupted = True
        signal.signal(signal.SIGINT, self._previous)
