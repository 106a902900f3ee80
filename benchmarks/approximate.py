"""Exact search against faiss's graph (HNSW) and lists (IVF): seconds of the processor, and what is missed.

The vectors are synthetic: unit vectors in clusters, of as many clusters as asked for. Queries are documents with noise.

    python benchmarks/approximate.py --output approximate.json
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import torch

from cmploss.experiment import environment
from cmploss.retrieval import DenseIndex, approximate

SIZES = (10, 100, 1000)


def clustered(documents: int, width: int, queries: int, clusters: int) -> tuple[Any, Any]:
    """Documents in float16 and queries in float32, of length 1."""
    draw = np.random.default_rng(0)
    centres = draw.standard_normal((clusters, width), dtype=np.float32)
    vectors = np.empty((documents, width), np.float16)
    for start in range(0, documents, 50_000):
        count = min(50_000, documents - start)
        noise = draw.standard_normal((count, width), dtype=np.float32)
        vectors[start : start + count] = unit(centres[draw.integers(0, clusters, count)] + noise)
    asked = vectors[draw.integers(0, documents, queries)].astype(np.float32) * np.sqrt(width)
    return vectors, unit(asked + 0.7 * draw.standard_normal((queries, width), dtype=np.float32))


def unit(vectors: Any) -> Any:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def timed(call: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    wall, cpu = time.perf_counter(), time.process_time()
    found = call()
    return found, {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}


def measure(documents: int, width: int, queries: int, clusters: int, folder: str) -> dict[str, Any]:
    vectors, asked = clustered(documents, width, queries, clusters)
    index = DenseIndex(vectors, [f"{row:09}" for row in range(documents)], "random")
    sizes = [size for size in SIZES if size <= documents]
    exact, results = {}, {}
    for k in sizes:
        exact[k], results[f"exact k={k}"] = timed(lambda k=k: index.search(asked, k))
    for kind in ("ivf", "hnsw"):
        fast, results[f"build {kind}"] = timed(lambda kind=kind: approximate(index, kind, folder))
        for k in sizes:
            found, results[f"{kind} k={k}"] = timed(lambda k=k, fast=fast: fast.search(asked, k))
            both = (len(np.intersect1d(one, other)) for one, other in zip(found[1], exact[k][1], strict=True))
            results[f"{kind} k={k}"]["recall"] = sum(both) / found[1].size
    return results


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--width", type=int, default=384)
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--clusters", type=int, default=2000)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    faiss.omp_set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        results = measure(options.documents, options.width, options.queries, options.clusters, folder)
    for name, row in results.items():
        print(f"{name:<12} {row['cpu_s']:9.2f} s" + (f"   recall {row['recall']:.3f}" if "recall" in row else ""))
    if options.output:
        settings = {name: value for name, value in vars(options).items() if name != "output"}
        content = {"environment": environment(), "settings": settings, "results": results}
        options.output.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
