"""Peak memory of a training step of a reformulator whose loss goes over a large matrix of passages on disk.

The step is that of LoL: two revisions of each query through the encoder, losses over every row, backward. It is run
with a small matrix and with the large one, each in a process of its own; what the large one adds is the loss's. The
peak counts the pages of the mapped file that are in memory, which the system may drop at any time.

    python benchmarks/feedback_memory.py --rows 1000000 --width 384 --threads 2 --output feedback_memory.json
"""

import argparse
import json
import multiprocessing
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from transformers import BertConfig, BertModel

from cmploss import LoL
from cmploss.experiment import environment
from cmploss.tasks.prf import DenseReformulator, DenseSettings, ReformulationLoss
from cmploss.training.memory import peak_memory_mb, reset_peak_memory

SMALL = 1000


def write_matrix(path: Path, rows: int, width: int) -> None:
    """Random float16 rows, written in parts."""
    draw = np.random.default_rng(0)
    matrix = np.lib.format.open_memmap(path, mode="w+", dtype=np.float16, shape=(rows, width))
    for start in range(0, rows, 50_000):
        part = matrix[start : start + 50_000]
        part[:] = draw.standard_normal(part.shape, dtype=np.float32)
    matrix.flush()


def step_of(path: Path, rows: int, width: int, queries: int, tokens: int) -> Callable[[], torch.Tensor]:
    """The loss of one step over the first rows of a matrix."""
    torch.manual_seed(0)
    heads = max(width // 32, 1)
    config = BertConfig(
        hidden_size=width, num_hidden_layers=6, num_attention_heads=heads, intermediate_size=4 * width
    )  # the shape of all-MiniLM-L6-v2 for a width of 384
    model = DenseReformulator(BertModel(config), DenseSettings("cls", "layer_norm", width)).train()
    matrix = np.load(path, mmap_mode="r")[:rows]
    view = {
        "input_ids": torch.randint(1000, 30_000, (queries, tokens)),
        "attention_mask": torch.ones(queries, tokens, dtype=torch.int64),
        "relevant": torch.randint(rows, (queries, 2)),
    }
    loss = ReformulationLoss(matrix)
    return lambda: LoL(engine="two_pass")(model, {"views": [view, view]}, loss).loss


def work(path: Path, rows: int, options: argparse.Namespace, results: Any) -> None:
    torch.set_num_threads(options.threads)
    step = step_of(path, rows, options.width, options.queries, options.tokens)
    device = torch.device("cpu")
    reset_peak_memory(device)
    loaded = peak_memory_mb(device)
    start = time.perf_counter()
    torch.autograd.backward(step())
    seconds = time.perf_counter() - start
    results.put(
        {"rows": rows, "loaded_mb": loaded, "peak_above_mb": peak_memory_mb(device) - loaded, "seconds": seconds}
    )


def measure(options: argparse.Namespace) -> list[dict[str, float]]:
    """A step with few rows and one with all."""
    context = multiprocessing.get_context("spawn")
    found = []
    with TemporaryDirectory(dir=options.folder) as folder:
        path = Path(folder) / "vectors.npy"
        write_matrix(path, options.rows, options.width)
        for rows in (min(SMALL, options.rows), options.rows):
            results = context.Queue()
            process = context.Process(target=work, args=(path, rows, options, results))
            process.start()
            found.append(results.get())
            process.join()
    return found


def options_of(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in {"rows": 1_000_000, "width": 384, "queries": 8, "tokens": 256, "threads": 2}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--folder", help="where the matrix is written, by default the system's temporary folder")
    parser.add_argument("--output", type=Path)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    options = options_of(argv)
    found = measure(options)
    for row in found:
        print(
            f"{row['rows']:>9} rows   peak {row['peak_above_mb']:.0f} MB above the model ({row['loaded_mb']:.0f} MB)   "
            f"{row['seconds']:.1f} s"
        )
    if options.output:
        settings = {name: getattr(options, name) for name in ("rows", "width", "queries", "tokens", "threads")}
        document = {"settings": settings, "steps": found, "environment": environment()}
        options.output.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
