"""Where a step of a few short texts spends its time: milliseconds of its parts, and ratios to plain fine-tuning.

The shape is the default encoder (6 layers of 384, 30,522 words), the texts are 64 of 16 tokens. ``plain`` is
``transformers.Trainer``, which keeps freed memory as ours does; the others are ``ObjectiveTrainer`` with one thing
changed. All train a few steps in turn, so a ratio compares steps of one moment. ``rest`` is everything between the
parts: batches, logs, callbacks, schedule and zeroing.

    python benchmarks/small_step.py --threads 2 --rounds 30 --output small_step.json
"""

import argparse
import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles
from tempfile import mkdtemp
from typing import Any
from unittest.mock import patch

import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from cmploss import ObjectiveTrainer, Supervised
from cmploss.cpu import linear
from cmploss.experiment import environment
from cmploss.training.callbacks import KeepFreedMemory
from cmploss.training.layers import freeze
from cmploss.training_options import TRAINING_DEFAULTS

PARTS = ("forward", "backward", "clipping", "optimizer", "rest")
WARM, TIMED = 2, 3  # steps of a turn
STEPS: dict[str, dict[str, Any]] = {
    "plain": {},
    "supervised": {},
    "supervised, MKL": {"mkl": True},
    "supervised, dense gradient": {"dense": True},
    "supervised, MKL, dense gradient": {"mkl": True, "dense": True},
    "freeze embeddings": {"frozen": "embeddings"},
    "freeze embeddings,2": {"frozen": "embeddings,2"},
}


class Clock(TrainerCallback):
    """Seconds of the parts of every timed step."""

    def __init__(self) -> None:
        self.steps: list[list[float]] = []
        self._parts: dict[str, float] = {}
        self._started = 0.0

    def timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            result = function(*args, **kwargs)
            self._parts[part] = self._parts.get(part, 0.0) + time.perf_counter() - start
            return result

        return run

    def on_pre_optimizer_step(self, *_: Any, **__: Any) -> None:
        self._before = time.perf_counter()

    def on_optimizer_step(self, *_: Any, **__: Any) -> None:
        self._parts["optimizer"] = time.perf_counter() - self._before

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        now = time.perf_counter()
        if state.global_step > WARM:
            parts = [self._parts[part] for part in PARTS[:-1]]
            self.steps.append([*parts, now - self._started - sum(parts)])
        self._parts, self._started = {}, time.perf_counter()


def trainer_of(name: str, data: list[dict[str, torch.Tensor]], batch: int) -> tuple[Any, Clock]:
    torch.manual_seed(0)
    config = BertConfig(num_hidden_layers=6, hidden_size=384, num_attention_heads=12, intermediate_size=1536)
    model = BertForSequenceClassification(config)
    freeze(model, STEPS[name].get("frozen"))
    own = {
        "per_device_train_batch_size": batch,
        "max_steps": WARM + TIMED,
        "train_sampling_strategy": "random",
        "use_cpu": True,
    }
    arguments = TrainingArguments(output_dir=mkdtemp(), **TRAINING_DEFAULTS | own)
    clock = Clock()
    if name == "plain":
        trainer = Trainer(model=model, args=arguments, train_dataset=data, callbacks=[clock, KeepFreedMemory])
    else:
        trainer = ObjectiveTrainer(
            model=model, args=arguments, train_dataset=data, callbacks=[clock], objective=Supervised()
        )
    trainer.remove_callback(PrinterCallback)
    trainer.compute_loss = clock.timed("forward", trainer.compute_loss)
    trainer.accelerator.backward = clock.timed("backward", trainer.accelerator.backward)
    trainer._clip_grad_norm = clock.timed("clipping", trainer._clip_grad_norm)
    return trainer, clock


def train(name: str, trainer: Any) -> None:
    with ExitStack() as stack:
        if STEPS[name].get("mkl"):
            stack.enter_context(patch.object(linear, "mkl_is_slow", lambda: False))
        if STEPS[name].get("dense"):
            stack.enter_context(patch("cmploss.training.trainer.row_embedding", lambda model: None))
        trainer.train()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, default=8, help="of a step")
    parser.add_argument("--tokens", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    generator = torch.Generator().manual_seed(0)
    data = [
        {
            "input_ids": torch.randint(1000, 30000, (given.tokens,), generator=generator),
            "attention_mask": torch.ones(given.tokens, dtype=torch.long),
            "labels": torch.tensor(number % 2),
        }
        for number in range(8 * given.texts)
    ]
    trainers = {name: trainer_of(name, data, given.texts) for name in STEPS}
    for number in range(given.rounds + 1):
        for name, (trainer, clock) in trainers.items():
            train(name, trainer)
            if not number:  # the first round warms up
                clock.steps.clear()
    seconds = {name: clock.steps for name, (_, clock) in trainers.items()}
    print(f"| step | {' | '.join(PARTS)} | all, ms | / plain | middle half |\n|---|{'--:|' * (len(PARTS) + 3)}")
    for name, found in seconds.items():
        parts = [1000 * median(each) for each in zip(*found, strict=True)]
        ratios = [sum(one) / sum(other) for one, other in zip(found, seconds["plain"], strict=True)]
        low, middle, high = quantiles(ratios, n=4)
        cells = " | ".join(f"{part:.1f}" for part in parts)
        spread = f"{middle:.2f} | {low:.2f}–{high:.2f}"
        print(f"| {name} | {cells} | {1000 * median(map(sum, found)):.0f} | {spread} |")
    if given.output:
        settings = {name: getattr(given, name) for name in ("texts", "tokens", "threads", "rounds")}
        rounded = {name: [[round(part, 5) for part in parts] for parts in found] for name, found in seconds.items()}
        content = {"environment": environment(), **settings, "parts": PARTS, "seconds": rounded}
        given.output.write_text(json.dumps(content) + "\n")


if __name__ == "__main__":
    main()
