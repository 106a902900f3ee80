"""Callbacks of the Trainer: progress, epochs, memory, and stopping without losing work."""

import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import torch
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


class SkipNotFinite(TrainerCallback):
    """Leaves out the optimizer step of every process where one has a loss or gradient that is not finite.

    Attributes:
        bad: Whether a loss of this step was not finite.
    """

    def __init__(self, accelerator: Any) -> None:
        self.bad, self._accelerator, self._skipped = False, accelerator, 0

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        parameters = [each for each in kwargs["model"].parameters() if each.grad is not None]
        bad = self.bad or not all(each.grad.sum().isfinite() for each in parameters)  # some are sparse
        self.bad = False
        if self._accelerator.reduce(torch.tensor(float(bad), device=args.device)).item():
            self._skipped += 1
            for each in parameters:
                each.grad = None  # the optimizer leaves out what has no gradient

    def take(self) -> int:
        """The steps that were left out since the last call."""
        skipped, self._skipped = self._skipped, 0
        return skipped


class SaveOnInterrupt(TrainerCallback):
    """On Ctrl-C or SIGTERM, finish the step, write a checkpoint and stop training; a second signal stops at once.

    A context manager: outside its block, and in other threads, signals are not changed.

    Attributes:
        signal: The number of the signal, 0 before it comes.
        stopped: Whether it stopped training; a signal in or after the last step does not.
    """

    def __init__(self) -> None:
        self.signal, self.stopped = 0, False
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> "SaveOnInterrupt":
        if threading.current_thread() is threading.main_thread():
            self._previous = {
                number: signal.signal(number, self._handle) or signal.SIG_DFL
                for number in (signal.SIGINT, signal.SIGTERM)
            }
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if args.world_size > 1:  # all processes stop at the same step, whichever gets the signal
            found = torch.tensor(self.signal, device=args.device)
            torch.distributed.all_reduce(found, torch.distributed.ReduceOp.MAX)
            self.signal = int(found)
        if self.signal and state.global_step < state.max_steps:
            self.stopped = control.should_save = control.should_training_stop = True
            if args.save_total_limit == 1:  # the Trainer would remove this checkpoint if an earlier one is better
                args.save_total_limit = 2

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.signal = number
        self.__exit__()
