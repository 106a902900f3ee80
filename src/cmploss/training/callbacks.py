"""Callbacks of the Trainer: progress, epochs, memory, and stopping without losing work."""

import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from transformers import TrainerCallback

from cmploss.finite import REMEDY, check_weights
from cmploss.training.memory import keep_freed_memory, return_freed_memory


class StepProgress(TrainerCallback):
    """Calls ``advance(steps)`` after every optimizer step, and at the start with the steps of a resumed run."""

    def __init__(self, advance: Callable[[int], None]):
        self.advance = advance

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.advance(state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.advance(1)


class EpochOfData(TrainerCallback):
    """Passes the epoch to the training dataset and its sampler if they have ``set_epoch``.

    accelerate does so too, but not if a sampler is sharded over processes or resumed within an epoch.
    """

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        loader = kwargs["train_dataloader"]
        for part in (loader.dataset, *_samplers_of(loader)):
            if hasattr(part, "set_epoch"):
                part.set_epoch(int(state.epoch or 0))


def _samplers_of(loader: Any) -> Iterator[Any]:
    part = loader
    while part is not None:
        inner = getattr(part, "batch_sampler", None)
        part = getattr(part, "sampler", None) if inner is None else inner
        yield part


class KeepFreedMemory(TrainerCallback):
    """Keeps freed memory on a CPU while training."""

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if args.device.type == "cpu":
            keep_freed_memory()

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if args.device.type == "cpu":
            return_freed_memory()


class FiniteWeights(TrainerCallback):
    """Refuses, at the end of training, weights that are not finite."""

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        check_weights(kwargs["model"], f"training ended at step {state.global_step}, {REMEDY}")


class SaveOnInterrupt(TrainerCallback):
    """On Ctrl-C, finish the step, write a checkpoint and stop training; a second Ctrl-C stops at once.

    A context manager: outside its block, and in other threads, Ctrl-C is not changed.
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

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.interrupted and state.global_step < state.max_steps:
            control.should_save = True
            control.should_training_stop = True

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.interrupted = True
        signal.signal(signal.SIGINT, self._previous)
