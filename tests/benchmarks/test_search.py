"""The benchmark of exact search on a small collection: it runs, and its ratios are those of its rounds."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch

faiss = pytest.importorskip("faiss", reason="faiss-cpu is not installed")
FILE = Path(__file__).parents[2] / "benchmarks" / "search.py"


@pytest.fixture
def benchmark(monkeypatch):
    spec = importlib.util.spec_from_file_location("search_benchmark", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)
    return module


def test_benchmark_measures_and_compares(benchmark, tmp_path, capsys):
    sizes = ["--documents", "300", "--width", "8", "--queries", "20"]
    benchmark.main([*sizes, "--threads", "1", "--rounds", "3", "--output", str(tmp_path / "out.json")])
    printed = capsys.readouterr().out
    found = json.loads((tmp_path / "out.json").read_text())
    assert list(found["results"]) == ["10", "100"]
    for k, row in found["results"].items():
        assert row["found_by_both"] == 1
        assert row["largest_score_difference"] < 1e-4
        seconds = row["seconds_of_rounds"]
        ratios = sorted(ours / theirs for ours, theirs in zip(seconds["ours"], seconds["faiss"], strict=True))
        assert (row["ratio_to_faiss"], row["ratio_range"]) == (ratios[1], [ratios[0], ratios[2]])
        assert f"k {k:>4}  faiss {row['faiss_s']:.3f} s  ours {row['ours_s']:.3f} s" in printed


def test_disagreement_is_counted(benchmark):
    ours = (np.array([[3.0, 2.0]]), np.array([[0, 1]]))
    theirs = (np.array([[3.5, 2.0]]), np.array([[1, 2]]))
    assert benchmark.agreement(ours, theirs) == {"found_by_both": 0.5, "largest_score_difference": 0.5}
