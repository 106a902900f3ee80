"""Where a step of a few short texts spends its time: milliseconds of its parts, and ratios to plain fine-tuning.

The shape is the default encoder (6 layers of 384, 30,522 words). ``plain`` is fine-tuning as ``Trainer`` does
it: transformers' loss, clipping, fused AdamW, gradients set to None. The others run the same step with our objective
and CPU path, with everything trained or with ``--freeze``. All take turns in one process, so a ratio compares steps of
one moment.

    python benchmarks/small_step.py --threads 2 --rounds 30 --output small_step.json
"""

import argparse
import json
import time
from itertools import pairwise
from pathlib import Path
from statistics import median

import torch
from torch import Tensor, nn
from transformers import BertConfig, BertForSequenceClassification

from cmploss import Supervised
from cmploss.experiment import environment
from cmploss.models import freeze
from cmploss.training.memory import keep_freed_memory

PARTS = ("forward", "backward", "clipping", "optimizer", "zeroing")
STEPS: dict[str, str | None] = {
    "plain": None,
    "supervised": None,
    "freeze embeddings": "embeddings",
    "freeze embeddings,2": "embeddings,2",
}


def model_of(frozen: str | None) -> nn.Module:
    torch.manual_seed(0)
    config = BertConfig(num_hidden_layers=6, hidden_size=384, num_attention_heads=12, intermediate_size=1536)
    model = BertForSequenceClassification(config).train()
    freeze(model, frozen)
    return model


def parts_of_step(
    name: str, model: nn.Module, optimizer: torch.optim.Optimizer, batch: dict[str, Tensor]
) -> list[float]:
    """Seconds of each of :data:`PARTS`."""
    times = [time.perf_counter()]
    loss = model(**batch).loss if name == "plain" else Supervised()(model, batch).loss
    times.append(time.perf_counter())
    loss.backward()
    times.append(time.perf_counter())
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    times.append(time.perf_counter())
    optimizer.step()
    times.append(time.perf_counter())
    optimizer.zero_grad()
    times.append(time.perf_counter())
    return [end - start for start, end in pairwise(times)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    keep_freed_memory()
    batch = {
        "input_ids": torch.randint(1000, 30000, (given.texts, given.tokens)),
        "attention_mask": torch.ones(given.texts, given.tokens, dtype=torch.long),
        "labels": torch.randint(2, (given.texts,)),
    }
    models = {name: model_of(frozen) for name, frozen in STEPS.items()}
    optimizers = {name: torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True) for name, model in models.items()}
    rounds: dict[str, list[list[float]]] = {name: [] for name in STEPS}
    for number in range(given.rounds + 3):
        for name, model in models.items():
            found = parts_of_step(name, model, optimizers[name], batch)
            if number >= 3:  # the first rounds warm up
                rounds[name].append(found)
    print(f"| step | {' | '.join(PARTS)} | all, ms | / plain |\n|---|{'--:|' * (len(PARTS) + 2)}")
    for name, found in rounds.items():
        parts = [1000 * median(each) for each in zip(*found, strict=True)]
        ratio = median(sum(one) / sum(other) for one, other in zip(found, rounds["plain"], strict=True))
        cells = " | ".join(f"{part:.0f}" for part in parts)
        print(f"| {name} | {cells} | {1000 * median(map(sum, found)):.0f} | {ratio:.2f} |")
    if given.output:
        settings = {name: getattr(given, name) for name in ("texts", "tokens", "threads", "rounds")}
        seconds = {name: [[round(part, 5) for part in parts] for parts in found] for name, found in rounds.items()}
        content = {"environment": environment(), **settings, "parts": PARTS, "seconds": seconds}
        given.output.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
