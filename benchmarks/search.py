"""Exact dense search against faiss's flat index, and against the matrix product alone that both need.

All three take turns, so that they see the same machine. Ours starts from float16 vectors, as they are on disk, and
faiss from its own float32 copy, made beforehand.

    python benchmarks/search.py --threads 2 --output search.json
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import faiss
import numpy as np
import torch

from cmploss.experiment import environment
from cmploss.retrieval import DenseIndex

SIZES = (10, 100, 1000)


def seconds_of(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def agreement(ours: tuple[Any, Any], theirs: tuple[Any, Any]) -> dict[str, float]:
    """Share of documents that both find, and the largest difference of the scores at one place."""
    both = [len(np.intersect1d(one, other)) for one, other in zip(ours[1], theirs[1], strict=True)]
    difference = float(np.abs(ours[0] - theirs[0]).max())
    return {"found_by_both": sum(both) / ours[1].size, "largest_score_difference": difference}


def measure(documents: int, width: int, queries: int, seed: int, rounds: int) -> dict[str, Any]:
    draw = np.random.default_rng(seed)
    vectors = draw.standard_normal((documents, width), dtype=np.float32).astype(np.float16)
    asked = draw.standard_normal((queries, width), dtype=np.float32)
    index = DenseIndex(vectors, [str(row) for row in range(documents)], "random")
    flat = faiss.IndexFlatIP(width)
    flat.add(vectors.astype(np.float32))
    left, right = torch.from_numpy(asked), torch.from_numpy(vectors.astype(np.float32)).T
    product = torch.empty(queries, documents)
    results: dict[str, Any] = {}
    for k in (size for size in SIZES if size <= documents):
        calls = {
            "faiss": lambda k=k: flat.search(asked, k),
            "ours": lambda k=k: index.search(asked, k),
            "product": lambda: torch.mm(left, right, out=product),
        }
        found = agreement(calls["ours"](), calls["faiss"]())  # also warms up
        seconds = {name: [0.0] * rounds for name in calls}
        for number in range(rounds):
            for name, call in calls.items():
                seconds[name][number] = seconds_of(call)
        ratios = [one / other for one, other in zip(seconds["ours"], seconds["faiss"], strict=True)]
        results[str(k)] = {
            **{f"{name}_s": median(each) for name, each in seconds.items()},
            "ratio_to_faiss": median(ratios),
            "ratio_range": [min(ratios), max(ratios)],
            "seconds_of_rounds": seconds,
            **found,
        }
    return results


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--width", type=int, default=384)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="of the random vectors")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--note", help="kept with the results, such as what else ran")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    faiss.omp_set_num_threads(options.threads)
    results = measure(options.documents, options.width, options.queries, options.seed, options.rounds)
    print(
        f"{options.queries} queries over {options.documents} × {options.width}, {options.threads} threads, "
        f"medians of {options.rounds} rounds"
    )
    for k, row in results.items():
        print(
            f"k {k:>4}  faiss {row['faiss_s']:.3f} s  ours {row['ours_s']:.3f} s  product {row['product_s']:.3f} s  "
            f"ours / faiss {row['ratio_to_faiss']:.2f} ({row['ratio_range'][0]:.2f} to {row['ratio_range'][1]:.2f})  "
            f"found by both {100 * row['found_by_both']:.3f} %"
        )
    if options.output:
        settings = {name: value for name, value in vars(options).items() if name != "output"}
        content = {"environment": environment(), "settings": settings, "results": results}
        options.output.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
