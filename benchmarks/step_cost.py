"""What a training step costs: milliseconds and peak memory of forward and backward, as a ratio to baselines.

Every configuration runs in a process of its own. Those of one n_drop, and plain fine-tuning beside them, take turns,
so that a ratio compares steps that ran within the same minute. Our steps keep freed memory, as training with
``ObjectiveTrainer`` does; ``plain_kept`` is plain fine-tuning with that alone.

    python benchmarks/step_cost.py --threads 2 --rounds 7 --output step_cost.json

An interrupted run goes on where it stopped. The textbook step with n_drop 4 needs 12 GB at the largest shape.
"""

import argparse
import json
import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch.nn import functional as F
from transformers import BertConfig, BertForQuestionAnswering, BertForSequenceClassification

from cmploss import CmpDrop, Comparative, Supervised
from cmploss.experiment import environment
from cmploss.training.memory import keep_freed_memory, peak_memory_mb, reset_peak_memory

N_DROP = (0, 1, 2, 4)
RATE = 0.1


@dataclass(frozen=True)
class Shape:
    layers: int
    hidden: int
    heads: int
    head: str
    lengths: tuple[int, ...]


# The first 32 sentences of SST-2's training file, and a paragraph with a question of every fourth article of SQuAD.
SST2_LENGTHS = (
    *(10, 11, 15, 10, 22, 13, 29, 6, 13, 16, 6, 23, 10, 8, 9, 5),
    *(4, 9, 4, 34, 13, 26, 7, 13, 19, 13, 26, 5, 6, 17, 7, 5),
)
SQUAD_LENGTHS = (111, 176, 151, 162, 142, 253, 179, 128, 176, 159, 206, 205)

SHAPES = {
    "bert-6x384-qa-12x384": Shape(6, 384, 12, "qa", (384,) * 12),
    "bert-2x128-qa-12x384": Shape(2, 128, 2, "qa", (384,) * 12),
    "bert-6x384-cls-16x128": Shape(6, 384, 12, "cls", (128,) * 16),
    "bert-6x384-cls-sst2": Shape(6, 384, 12, "cls", SST2_LENGTHS),
    "bert-6x384-qa-squad": Shape(6, 384, 12, "qa", SQUAD_LENGTHS),
    "bert-12x768-qa-12x384": Shape(12, 768, 12, "qa", (384,) * 12),
}
ON_CPU = tuple(SHAPES)[:-1]


@dataclass(frozen=True)
class Configuration:
    method: str  # plain, plain_kept, textbook, supervised, joint or two_pass
    n_drop: int = 0

    @property
    def name(self) -> str:
        return f"{self.method} {self.n_drop}" if self.method in ("textbook", "joint", "two_pass") else self.method


GROUPS = {
    n_drop: (
        Configuration("plain"),
        *((Configuration("plain_kept"), Configuration("supervised")) if n_drop == 0 else ()),
        Configuration("textbook", n_drop),
        Configuration("joint", n_drop),
        *((Configuration("two_pass", n_drop),) if n_drop else ()),
    )
    for n_drop in N_DROP
}


def plain(model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Fine-tuning with transformers' own loss."""
    loss: torch.Tensor = model(**batch).loss
    return loss


def textbook(model: Any, batch: dict[str, torch.Tensor], n_drop: int) -> torch.Tensor:
    """The comparative loss as one would write it down: pass after pass, rates changed on the modules, one graph."""
    dropouts = [module for module in model.modules() if isinstance(module, torch.nn.Dropout)]
    seed = int(torch.randint(2**31, ()))
    losses = []
    for power in range(n_drop + 1):
        for module in dropouts:
            module.p = 1 - (1 - RATE) ** power
        torch.manual_seed(seed)
        outputs = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
        if "labels" in batch:
            losses.append(F.cross_entropy(outputs.logits, batch["labels"], reduction="none"))
        else:
            start = F.cross_entropy(outputs.start_logits, batch["start_positions"], reduction="none")
            end = F.cross_entropy(outputs.end_logits, batch["end_positions"], reduction="none")
            losses.append(torch.stack([start, end]))
    losses.append(torch.zeros_like(losses[0]))
    pairs = [(one, other) for number, one in enumerate(losses) for other in losses[number + 1 :]]
    return sum((F.relu(one - other).mean() for one, other in pairs), torch.zeros(())) / len(pairs)


def build(shape: Shape, configuration: Configuration, device: str) -> tuple[Any, dict[str, torch.Tensor]]:
    torch.manual_seed(0)
    config = BertConfig(
        num_hidden_layers=shape.layers,
        hidden_size=shape.hidden,
        num_attention_heads=shape.heads,
        intermediate_size=4 * shape.hidden,
        hidden_dropout_prob=RATE,
        attention_probs_dropout_prob=RATE,
    )
    if configuration.method == "textbook":
        config._attn_implementation = "eager"
    kind = BertForQuestionAnswering if shape.head == "qa" else BertForSequenceClassification
    model = kind(config).train().to(device)
    size, longest = len(shape.lengths), max(shape.lengths)
    lengths = torch.tensor(shape.lengths)
    batch = {
        "input_ids": torch.randint(1000, 30000, (size, longest)),
        "attention_mask": (torch.arange(longest) < lengths[:, None]).long(),
    }
    if shape.head == "qa":
        batch["start_positions"] = torch.randint(2**30, (size,)) % lengths
        batch["end_positions"] = torch.randint(2**30, (size,)) % lengths
    else:
        batch["labels"] = torch.randint(2, (size,))
    return model, {name: value.to(device) for name, value in batch.items()}


def step_of(configuration: Configuration, model: Any, batch: dict[str, torch.Tensor]) -> Callable[[], torch.Tensor]:
    if configuration.method in ("plain", "plain_kept"):
        return lambda: plain(model, batch)
    if configuration.method == "textbook":
        return lambda: textbook(model, batch, configuration.n_drop)
    if configuration.method == "supervised":
        return lambda: Supervised()(model, batch).loss
    objective = Comparative(CmpDrop(configuration.n_drop), engine=configuration.method)  # type: ignore[arg-type]
    return lambda: objective(model, batch).loss


def work(shape: Shape, configuration: Configuration, device: str, threads: int, orders: Connection) -> None:
    """Answer every order with the milliseconds of a step, and with the peak memory above the loaded model so far."""
    torch.set_num_threads(threads)
    if device == "cpu" and configuration.method not in ("plain", "textbook"):
        keep_freed_memory()
    model, batch = build(shape, configuration, device)
    step = step_of(configuration, model, batch)
    where = torch.device(device)
    reset_peak_memory(where)
    loaded = peak_memory_mb(where)
    while orders.recv():
        model.zero_grad(set_to_none=True)
        start = time.perf_counter()
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            loss = step()
        torch.autograd.backward(loss)
        if device == "cuda":
            torch.cuda.synchronize()
        orders.send((1000 * (time.perf_counter() - start), peak_memory_mb(where) - loaded))


def measure(
    shape: Shape, group: tuple[Configuration, ...], device: str, threads: int, rounds: int
) -> dict[str, dict[str, Any]]:
    context = multiprocessing.get_context("fork")  # the imports of this process are shared
    workers: dict[str, tuple[Connection, Any]] = {}
    for configuration in group:
        ours, theirs = context.Pipe()
        process = context.Process(target=work, args=(shape, configuration, device, threads, theirs), daemon=True)
        process.start()
        workers[configuration.name] = ours, process
    times: dict[str, list[float]] = {name: [] for name in workers}
    peaks: dict[str, float] = {}
    for number in range(rounds + 1):
        for name, (orders, _) in workers.items():
            orders.send(True)
            milliseconds, peaks[name] = orders.recv()
            if number:  # the first round warms up
                times[name].append(milliseconds)
    for orders, process in workers.values():
        orders.send(False)
        process.join()
    return {
        name: {"ms": median(each), "ms_of_rounds": [round(ms, 1) for ms in each], "peak_mb": peaks[name]}
        for name, each in times.items()
    }


def table_of(groups: dict[str, dict[str, dict[str, Any]]]) -> str:
    """Medians, and medians of the ratios within each round."""
    lines = [
        "| n_drop | step | ms | range | / plain | / textbook | / joint | peak MB | / plain |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for n_drop, rows in groups.items():
        for name, row in rows.items():
            times = row["ms_of_rounds"]
            ratios = [
                f"{median(one / two for one, two in zip(times, rows[other]['ms_of_rounds'], strict=True)):.2f}"
                if other in rows and other != name
                else "–"
                for other in ("plain", f"textbook {n_drop}", f"joint {n_drop}")
            ]
            memory = row["peak_mb"] / rows["plain"]["peak_mb"]
            lines.append(
                f"| {n_drop} | {name.split()[0]} | {row['ms']:.0f} | {min(times):.0f}–{max(times):.0f} "
                f"| {' | '.join(ratios)} | {row['peak_mb']:.0f} | {memory:.2f} |"
            )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shapes", default=",".join(ON_CPU), help=f"comma-separated, of {', '.join(SHAPES)}")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"], help="cuda computes in bf16")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    settings = {"device": arguments.device, "threads": arguments.threads, "rounds": arguments.rounds}
    results: dict[str, dict[str, Any]] = {}
    if arguments.output and arguments.output.exists():
        found = json.loads(arguments.output.read_text())
        if {name: found[name] for name in settings} != settings:
            parser.error(f"{arguments.output} was measured with other settings; choose another file")
        results = found["results"]
    for name in arguments.shapes.split(","):
        groups = results.setdefault(name, {})
        for n_drop, group in GROUPS.items():
            if str(n_drop) not in groups:
                groups[str(n_drop)] = measure(SHAPES[name], group, **settings)
            if arguments.output:
                shapes = {name: asdict(SHAPES[name]) for name in results}
                content = {"environment": environment(), **settings, "shapes": shapes, "results": results}
                arguments.output.write_text(json.dumps(content, indent=1) + "\n")
        print(f"\n{name}, {arguments.device}, {arguments.rounds} rounds\n\n{table_of(groups)}", flush=True)


if __name__ == "__main__":
    main()
