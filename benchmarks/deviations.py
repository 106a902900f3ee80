"""How far weights are apart after five steps, for each objective: engines, processes, accumulation, checkpointing.

Usage: python benchmarks/deviations.py --output benchmarks/results/deviations.json

Each cell trains a tiny BERT on 80 examples (74 for an uneven last batch) with SGD, in global batches of 16. Its
deviation is max |θ − θ'| / max |θ' − θ₀|: θ' are the weights of one process with the engine ``joint``, θ₀ those before
training. With dropout 0.1 two engines have the same masks. Two processes draw other masks than one, so their cells have
dropout that next to never drops.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from transformers import BertConfig, BertForSequenceClassification, TrainingArguments
from transformers.utils import logging

from cmploss import ObjectiveTrainer
from cmploss.experiment.spec import ObjectiveSpec

OBJECTIVES = (
    *("supervised", "no_dropout", "equal_compute(n_drop=2)", "comparative(n_drop=2)", "scl", "rdrop"),
    *("label_smoothing", "comparative+scl", "comparative+rdrop"),
)
WITH_ENGINE = ("equal_compute", "comparative", "rdrop")
NONE, SOME = 1e-12, 0.1
FSDP = {"fsdp": "full_shard", "fsdp_config": {"version": 2, "transformer_layer_cls_to_wrap": ["BertLayer"]}}
# name -> dropout, processes, options of training; the reference has none of them
CELLS: dict[str, tuple[float, int, dict[str, Any]]] = {
    "one process": (SOME, 1, {}),
    "checkpointing": (SOME, 1, {"activation_checkpointing": True}),
    "accumulation": (NONE, 1, {"gradient_accumulation_steps": 2}),
    "compiled": (NONE, 1, {"torch_compile": True, "torch_compile_backend": "aot_eager"}),
    "two processes": (NONE, 2, {}),
    "two processes, accumulation": (NONE, 2, {"gradient_accumulation_steps": 2}),
    "two processes, checkpointing": (NONE, 2, {"activation_checkpointing": True}),
    "two processes, uneven last batch": (NONE, 2, {"examples": 74}),
    "two processes, FSDP2": (NONE, 2, FSDP),
}


def model_of(dropout: float) -> BertForSequenceClassification:
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    rates = {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
    # Large initial weights: passes and examples differ.
    return BertForSequenceClassification(
        BertConfig(vocab_size=64, **sizes, **rates, num_labels=3, initializer_range=0.3)
    )


def examples_of(count: int) -> list[dict[str, torch.Tensor]]:
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(4, 64, (count, 12), generator=generator)
    mask = torch.ones(12, dtype=torch.long)
    return [{"input_ids": row, "attention_mask": mask, "labels": row.sum() % 3} for row in ids]


def weights_after(objective: str, engine: str, dropout: float, options: dict[str, Any], folder: str) -> torch.Tensor:
    """The weights after five steps, on every process."""
    world, options = int(os.environ.get("WORLD_SIZE", "1")), dict(options)
    count, accumulate = options.pop("examples", 80), options.get("gradient_accumulation_steps", 1)
    arguments = TrainingArguments(
        folder,
        max_steps=5,
        per_device_train_batch_size=16 // world // accumulate,
        train_sampling_strategy="sequential",
        optim="sgd",
        learning_rate=0.1,
        max_grad_norm=0.0,
        use_cpu=True,
        ddp_backend="gloo" if world > 1 else None,
        accelerator_config={"even_batches": False},
        logging_strategy="no",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        **options,
    )
    settings = {"engine": engine} if objective.startswith(WITH_ENGINE) else {}
    trainer = ObjectiveTrainer(
        model=model_of(dropout),
        args=arguments,
        objective=ObjectiveSpec.parse(objective, settings).build(),
        train_dataset=examples_of(count),
    )
    trainer.train()
    state = trainer.accelerator.get_state_dict(trainer.model_wrapped)
    values = {name.replace("_orig_mod.", "").removeprefix("module."): value for name, value in state.items()}
    return torch.cat([values[name].flatten().float() for name in sorted(values)]) if values else torch.empty(0)


def work(jobs: list[Any], folder: str) -> None:
    """Train what the jobs say; the first process writes the weights of each, or its error."""
    logging.set_verbosity_error()
    for number, job in enumerate(jobs):
        torch._dynamo.reset()
        try:
            found: Any = weights_after(*job, folder)
        except Exception as error:
            found = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        if int(os.environ.get("RANK", "0")) == 0:
            torch.save(found, Path(folder) / f"{number}.pt")


def results_of(jobs: list[Any], processes: int) -> list[Any]:
    with tempfile.TemporaryDirectory() as folder:
        start = (
            ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"] if processes > 1 else []
        )
        command = [sys.executable, *start, __file__, "--work", json.dumps(jobs), "--folder", folder]
        subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
        return [torch.load(Path(folder) / f"{number}.pt") for number in range(len(jobs))]


def engines_of(objective: str) -> tuple[str, ...]:
    return ("joint", "two_pass") if objective.startswith(WITH_ENGINE) else ("joint",)


def measure() -> dict[str, dict[str, Any]]:
    """Deviation, or the error of a cell that is refused, by objective and engine and by cell."""
    rows = [(objective, engine) for objective in OBJECTIVES for engine in engines_of(objective)]
    jobs: dict[int, list[Any]] = {1: [], 2: []}
    for dropout, count in ((SOME, 80), (NONE, 80), (NONE, 74)):
        jobs[1] += [(objective, "joint", dropout, {"examples": count}) for objective in OBJECTIVES]
    for dropout, processes, options in CELLS.values():
        jobs[processes] += [(*row, dropout, options) for row in rows]
    found = {processes: iter(zip(todo, results_of(todo, processes), strict=True)) for processes, todo in jobs.items()}
    references = {}
    for (objective, _, dropout, options), weights in islice(found[1], 3 * len(OBJECTIVES)):
        references[objective, dropout, options["examples"]] = weights
    start = torch.cat([value.flatten() for _, value in sorted(model_of(NONE).state_dict().items())])
    table: dict[str, dict[str, Any]] = {f"{objective}, {engine}": {} for objective, engine in rows}
    for cell, (_, processes, _) in CELLS.items():
        for (objective, engine, dropout, options), weights in islice(found[processes], len(rows)):
            expected = references[objective, dropout, options.get("examples", 80)]
            largest = (expected - start).abs().max()
            error = isinstance(weights, str)
            table[f"{objective}, {engine}"][cell] = (
                weights if error else float((weights - expected).abs().max() / largest)
            )
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path)
    parser.add_argument("--work")
    parser.add_argument("--folder")
    given = parser.parse_args()
    if given.work:
        work(json.loads(given.work), given.folder)
        return
    table = measure()
    given.output.write_text(json.dumps({"torch": torch.__version__, "deviation": table}, indent=1) + "\n")


if __name__ == "__main__":
    main()
