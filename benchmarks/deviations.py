"""How far weights are apart after five steps: objectives, engines, processes, accumulation, checkpointing, compilation.

Usage: python benchmarks/deviations.py --output benchmarks/results/deviations_cpu.json

Each cell trains a tiny BERT on 80 examples (74 for an uneven last batch) with SGD, in global batches of 16. Its
deviation is max |θ − θ'| / max |θ' − θ₀|: θ' are the weights of one process with the engine ``joint``, θ₀ those before
training. With dropout 0.1 two engines have the same masks. Two processes and micro-batches draw other masks than one
batch, and compiled models other masks than uncompiled ones, so their cells have dropout that next to never drops.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import BertConfig, BertForSequenceClassification, TrainingArguments, default_data_collator
from transformers.utils import logging

from cmploss import ObjectiveTrainer
from cmploss.experiment.spec import ObjectiveSpec

OBJECTIVES = (
    *("supervised", "no_dropout", "label_smoothing", "scl", "rdrop", "equal_compute(n_drop=2)"),
    *("comparative(n_drop=1)", "comparative(n_drop=2)", "comparative(n_drop=0,n_crop=2,crop_dropout=off)"),
    *("weighted(n_drop=2)", "lol(revisions=3)", "comparative(n_drop=2)+scl", "comparative(n_drop=1)+rdrop", "distill"),
)
TEACHER = "teacher"  # folder of the model for distill
ENGINES = ("joint", "two_pass")
NONE, SOME = 1e-12, 0.1
ACCUMULATE = {"gradient_accumulation_steps": 2}
CHECKPOINTING = {"activation_checkpointing": True}
COMPILED = {name: {"torch_compile": True, "torch_compile_backend": name} for name in ("aot_eager", "inductor")}
FSDP = {"fsdp": True, "fsdp_config": {"version": 2, "transformer_layer_cls_to_wrap": ["BertLayer"]}}
UNEVEN = 74
BOUND = 1e-5


@dataclass(frozen=True)
class Setting:
    """How one training differs from the reference: one process, one batch, no checkpointing, not compiled."""

    dropout: float = NONE
    processes: int = 1
    examples: int = 80
    options: Mapping[str, Any] = field(default_factory=dict)


CELLS = {
    "1 process": Setting(SOME),
    "checkpointing": Setting(SOME, options=CHECKPOINTING),
    "accumulation": Setting(options=ACCUMULATE),
    "accumulation, uneven": Setting(examples=UNEVEN, options=ACCUMULATE),
    **{f"compiled, {name}": Setting(options=options) for name, options in COMPILED.items()},
    "2 processes": Setting(processes=2),
    "2, accumulation": Setting(processes=2, options=ACCUMULATE),
    "2, checkpointing": Setting(processes=2, options=CHECKPOINTING),
    "2, accumulation, checkpointing, uneven": Setting(processes=2, examples=UNEVEN, options=ACCUMULATE | CHECKPOINTING),
    "2, FSDP2": Setting(processes=2, options=FSDP),
    "2, FSDP2, uneven": Setting(processes=2, examples=UNEVEN, options=FSDP),
}


@dataclass(frozen=True)
class Job:
    objective: str
    engine: str
    setting: Setting

    @property
    def reference(self) -> "Job":
        """One process and one batch; for a contrast within micro-batches, one process with the same micro-batches."""
        within = self.setting.processes > 1 and not built(self.objective).by_example
        options = ACCUMULATE if within and ACCUMULATE.items() <= self.setting.options.items() else {}
        return Job(self.objective, "joint", Setting(self.setting.dropout, 1, self.setting.examples, options))

    @property
    def name(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)


def built(objective: str, engine: str = "joint") -> Any:
    return ObjectiveSpec.parse(objective, {"engine": engine, "teacher": TEACHER}).build()


def engines_of(objective: str) -> tuple[str, ...]:
    return ENGINES if len(built(objective).variants) > 1 else ENGINES[:1]


def jobs() -> dict[tuple[str, str], dict[str, Job]]:
    """Objective and engine -> cell -> job."""
    rows = [(objective, engine) for objective in OBJECTIVES for engine in engines_of(objective)]
    return {row: {cell: Job(*row, setting) for cell, setting in CELLS.items()} for row in rows}


def model_of(dropout: float, seed: int = 0) -> BertForSequenceClassification:
    torch.manual_seed(seed)
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


def views_of(examples: list[Any], count: int) -> dict[str, Any]:
    """The batch; with several views each has four tokens less than the one before."""
    batch = default_data_collator(examples)
    if count == 1:
        return batch
    texts = ("input_ids", "attention_mask")
    views = [batch | {name: batch[name][:, : 12 - 4 * number] for name in texts} for number in range(count)]
    return {"views": views}


def weights_after(job: Job, folder: str) -> torch.Tensor:
    """The weights after five steps; on the first process only where they are sharded."""
    world, setting = job.setting.processes, job.setting
    objective = built(job.objective, job.engine)
    views = 1 + max(variant.view for variant in objective.variants)
    arguments = TrainingArguments(
        folder,
        max_steps=5,
        per_device_train_batch_size=16 // world // setting.options.get("gradient_accumulation_steps", 1),
        train_sampling_strategy="sequential",
        optim="sgd",
        learning_rate=0.1,
        max_grad_norm=0.0,
        use_cpu=True,
        ddp_backend="gloo" if world > 1 else None,
        logging_strategy="no",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        **setting.options,
    )
    trainer = ObjectiveTrainer(
        model=model_of(setting.dropout),
        args=arguments,
        objective=objective,
        train_dataset=examples_of(setting.examples),
        data_collator=lambda examples: views_of(examples, views),
    )
    trainer.train()
    state = trainer.accelerator.get_state_dict(trainer.model_wrapped)
    values = {name.replace("_orig_mod.", "").removeprefix("module."): value for name, value in state.items()}
    return torch.cat([values[name].flatten().float() for name in sorted(values)]) if values else torch.empty(0)


def work(todo: list[Job], folder: str) -> None:
    """Train what the jobs say; the first process writes the weights of each, or its error."""
    logging.set_verbosity_error()
    for number, job in enumerate(todo):
        torch._dynamo.reset()
        try:
            found: Any = weights_after(job, folder)
        except Exception as error:
            found = f"{type(error).__name__}: {' '.join(str(error).split())}"
        if int(os.environ.get("RANK", "0")) == 0:
            torch.save(found, Path(folder) / f"{number}.pt")


def trained(todo: list[Job], processes: int) -> dict[str, Any]:
    """The weights of each job, or its error, by the job's name."""
    start = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"] if processes > 1 else []
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "jobs.json").write_text(json.dumps([asdict(job) for job in todo]))
        model_of(NONE, seed=9).save_pretrained(Path(folder) / TEACHER)
        command = [sys.executable, *start, str(Path(__file__).resolve()), "--work", folder]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        subprocess.run(command, check=True, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
        return {job.name: torch.load(Path(folder) / f"{number}.pt") for number, job in enumerate(todo)}


def measure(rows: Mapping[tuple[str, str], Mapping[str, Job]]) -> dict[str, dict[str, float | str]]:
    """Deviation of every cell, or the error with which it is refused, by objective and engine."""
    wanted = [job for cells in rows.values() for each in cells.values() for job in (each.reference, each)]
    todo = list({job.name: job for job in wanted}.values())
    found = {}
    for processes in sorted({job.setting.processes for job in todo}):
        found |= trained([job for job in todo if job.setting.processes == processes], processes)
    start = torch.cat([value.flatten() for _, value in sorted(model_of(NONE).state_dict().items())])

    def deviation(job: Job) -> float | str:
        weights, expected = found[job.name], found[job.reference.name]
        if isinstance(weights, str):
            return weights
        return float((weights - expected).abs().max() / (expected - start).abs().max())

    return {f"{row[0]}, {row[1]}": {cell: deviation(job) for cell, job in cells.items()} for row, cells in rows.items()}


def table_of(deviations: Mapping[str, Mapping[str, float | str]]) -> str:
    """A Markdown table: one row per objective and engine, one column per cell."""
    lines = [f"| objective, engine | {' | '.join(CELLS)} |", f"|---|{'--:|' * len(CELLS)}"]
    for row, cells in deviations.items():
        shown = ("refused" if isinstance(value, str) else f"{value:.0e}" for value in cells.values())
        lines.append(f"| {row} | {' | '.join(shown)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        listed = json.loads((given.work / "jobs.json").read_text())
        work([Job(each["objective"], each["engine"], Setting(**each["setting"])) for each in listed], str(given.work))
        return
    found = measure(jobs())
    given.output.write_text(json.dumps({"torch": torch.__version__, "deviation": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
