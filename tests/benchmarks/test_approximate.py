"""The benchmark of approximate search on a small collection."""

import importlib.util
import json
from pathlib import Path

import pytest
import torch

pytest.importorskip("faiss", reason="faiss-cpu is not installed")
FILE = Path(__file__).parents[2] / "benchmarks" / "approximate.py"


def test_it_measures_what_is_missed(monkeypatch, tmp_path):
    spec = importlib.util.spec_from_file_location("approximate_benchmark", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)
    output = tmp_path / "out.json"
    module.main(["--documents", "400", "--width", "8", "--queries", "5", "--clusters", "9", "--output", str(output)])
    results = json.loads(output.read_text())["results"]
    assert set(results) == {
        *(f"{kind} k={k}" for kind in ("exact", "ivf", "hnsw") for k in (10, 100)),
        *("build ivf", "build hnsw"),
    }
    assert results["hnsw k=10"]["recall"] > 0.9
    assert all(0 < row["recall"] <= 1 for row in results.values() if "recall" in row)
