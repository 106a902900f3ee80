"""What submodels with fewer layers cost: steps with two exits, relative to plain training without dropout.

The shape is the default encoder (6 layers of 384, 30,522 words) with random weights, mean pooling and 8 classes. A step
is forward, backward, clipping and AdamW. ``plain`` is ``Supervised(dropout=False)``; ``separate`` runs each depth as a
pass of its own. All take turns in one process, so a ratio compares steps of one moment; ratios are medians over rounds.

    python benchmarks/layer_cost.py --threads 2 --rounds 20 --output layer_cost.json
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import torch
from transformers import BertConfig, BertModel

from cmploss import CmpLayer, Comparative, EqualCompute, SelfDistill, Supervised
from cmploss.ablation.depths import layer_stack
from cmploss.atomic import write_json
from cmploss.cpu import FastLinear
from cmploss.experiment import environment
from cmploss.losses import comparative_loss
from cmploss.losses.per_example import classification_losses
from cmploss.pooled.pooled_classifier import PooledEncoderForSequenceClassification

DEPTHS = (4, 2)
SHAPES = {"16x16": (16, 16), "16x64": (16, 64), "16x128": (16, 128)}
Loss = Callable[[Any, dict[str, torch.Tensor]], torch.Tensor]


def separate(model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    inputs = {name: values for name, values in batch.items() if name != "labels"}
    losses = []
    with FastLinear():
        for depth in (6, *DEPTHS):
            with layer_stack(model).segment(depth):
                losses.append(classification_losses(model.eval()(**inputs).logits, batch["labels"]))
    return comparative_loss(torch.stack(losses, dim=-1))


def of(objective: Any) -> Loss:
    return lambda model, batch: objective(model.train(), batch).loss


STEPS: dict[str, Loss] = {
    "plain": of(Supervised(dropout=False)),
    "equal_compute": of(EqualCompute(CmpLayer(DEPTHS))),
    "comparative": of(Comparative(CmpLayer(DEPTHS))),
    "self_distill": of(SelfDistill(CmpLayer(DEPTHS))),
    "separate": separate,
}


def measured(shape: tuple[int, int], rounds: int) -> dict[str, list[float]]:
    """Seconds of every step."""
    torch.manual_seed(0)
    shape_of = {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536}
    config = BertConfig(**shape_of, num_labels=8, problem_type="single_label_classification")
    model = PooledEncoderForSequenceClassification(BertModel(config), "mean")
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
    size, length = shape
    batch = {"input_ids": torch.randint(1, 30_000, (size, length)), "labels": torch.randint(0, 8, (size,))}
    batch["attention_mask"] = torch.ones_like(batch["input_ids"])
    seconds: dict[str, list[float]] = {name: [] for name in STEPS}
    for number in range(rounds + 1):
        for name, loss_of in STEPS.items():
            start = time.perf_counter()
            loss_of(model, batch).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            if number:  # the first round warms up
                seconds[name].append(time.perf_counter() - start)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    rows = []
    for shape, size in SHAPES.items():
        seconds = measured(size, given.rounds)
        for name, found in seconds.items():
            ratios = [one / plain for one, plain in zip(found, seconds["plain"], strict=True)]
            low, _, high = quantiles(ratios, n=4)
            row = {
                "shape": shape,
                "step": name,
                "ms": 1000 * median(found),
                "ratio": median(ratios),
                "middle": [low, high],
            }
            rows.append(row)
            print(f"{shape:<8}{name:<15}{row['ms']:8.1f} ms {row['ratio']:.2f} ({low:.2f}–{high:.2f})", flush=True)
    if given.output:
        write_json(given.output, {"threads": given.threads, "rounds": given.rounds, "rows": rows, **environment()})


if __name__ == "__main__":
    main()
