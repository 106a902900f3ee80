"""Valid files and folders that ``fuzz_seeds.py`` gives to readers."""

import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import BertConfig, BertForSequenceClassification, BertTokenizer, TrainerState
from transformers.utils import logging

from cmploss.experiment import Benchmark, Condition, RunRecord, Score, write_record
from cmploss.retrieval import approximate, load_index
from cmploss.retrieval.index import DenseIndex


def text(value: object) -> bytes:
    return (value if isinstance(value, str) else json.dumps(value)).encode()


def saved(save: Callable[..., object], *values: Any, **options: Any) -> bytes:
    """What a function writes into a file."""
    file = io.BytesIO()
    save(file, *values, **options)
    return file.getvalue()


def folder_of(write: Callable[[Path], object]) -> dict[str, bytes]:
    """The files that a function writes into a folder."""
    with tempfile.TemporaryDirectory() as name:
        write(Path(name))
        return {str(path.relative_to(name)): path.read_bytes() for path in Path(name).rglob("*") if path.is_file()}


def write_study(folder: Path) -> None:
    for seed in range(2):
        for name, score in (("supervised", 80.0), ("comparative", 82.0 + seed)):
            scores = [Score("test", "accuracy", score), Score("validation", "accuracy", score)]
            scores.append(Score("test", "accuracy", 75.0, {"dropout_power": 1}))
            objective = {"name": name, "kind": name, "settings": {}, "source": None}
            splits = {split: {"examples": 4, "sha256": "abc"} for split in ("train", "validation", "test")}
            record = RunRecord(
                Benchmark("x", "accuracy", "test", "validation"),
                Condition(steps=2),
                objective,
                seed,
                settings={"model": "m", "training": {"learning_rate": 1e-4}},
                data={"splits": splits, "label_names": ["a", "b"], "notes": ["Split."]},
                scores=scores,
                predictions={"test": {"labels": [0, 1], "predictions": [0, seed], "probabilities": [[0.9, 0.1]] * 2}},
                history=[{"step": 1, "loss": 0.7}, {"step": 2, "loss": 0.5}],
                cost={"seconds": 1.0, "steps": 2, "passes_per_step": 1, "seconds_per_step": 0.5, "peak_memory_mb": 9},
            )
            write_record(record, folder / name / f"seed-{seed}" / "record.json")
    for name, content in {
        "looks.json": [{"at": "2026-01-01T00:00:00+00:00", "seeds": [0]}],
        "best/run.json": {
            **{"objective": "comparative", "seed": 1, "score": 83.0, "run": "comparative/seed-1"},
            **{"measure": "accuracy", "examples": 4, "row_mean": 82.5, "row_runs": 2, "lead": 2.5},
            **{"eval_split": "test", "eval_score": 83.0, "model_class": "AutoModel"},
        },
        "examples/abc.json": [["x", ""], ["y", ""]],
        "scl/seed-0/failed.json": {"error": "it was late", "traceback": []},
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text(content))


def write_model(folder: Path) -> None:
    sizes = {"hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 4}
    words = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b")
    logging.disable_progress_bar()
    config = BertConfig(vocab_size=len(words), max_position_embeddings=16, **sizes)
    BertForSequenceClassification(config).save_pretrained(folder)
    BertTokenizer(vocab={word: number for number, word in enumerate(words)}).save_pretrained(folder)


def write_index(folder: Path) -> None:
    DenseIndex(np.eye(2, dtype=np.float16), ["a", "b"], "m").save(folder)
    approximate(load_index(folder), "hnsw", folder)


def write_checkpoint(folder: Path) -> None:
    """A checkpoint of the Trainer in a folder of a run, with a model that is cut short."""
    path = folder / "checkpoint-2"
    write_model(path)
    parameter = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.AdamW([parameter])
    parameter.sum().backward()
    optimizer.step()
    random = {"python": (3, (1, 2), None), "numpy": np.random.get_state(), "cpu": torch.get_rng_state()[:10]}
    torch.save(optimizer.state_dict(), path / "optimizer.pt")
    torch.save({"last_epoch": 2}, path / "scheduler.pt")
    torch.save(random, path / "rng_state.pth")
    TrainerState(global_step=2, max_steps=4).save_to_json(str(path / "trainer_state.json"))
