"""The benchmark of the feedback loss's memory: its matrix, and that its step goes over every row of it."""

import importlib.util
from math import log
from pathlib import Path

import numpy as np
import pytest
import torch

FILE = Path(__file__).parents[2] / "benchmarks" / "feedback_memory.py"


@pytest.fixture
def benchmark():
    spec = importlib.util.spec_from_file_location("feedback_memory", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_matrix_is_random_and_of_the_shape_that_is_asked_for(benchmark, tmp_path):
    benchmark.write_matrix(tmp_path / "vectors.npy", 300, 32)
    matrix = np.load(tmp_path / "vectors.npy")
    assert (matrix.shape, matrix.dtype) == ((300, 32), np.float16)
    assert 0.9 < matrix.astype(np.float32).std() < 1.1


@pytest.mark.parametrize("rows", [10, 200])
def test_the_step_goes_over_every_row(benchmark, tmp_path, rows):
    """All scores are 0: the loss of a query is the logarithm of the number of rows that are not relevant, and one."""
    np.save(tmp_path / "zeros.npy", np.zeros((200, 32), np.float16))
    torch.manual_seed(0)
    step = benchmark.step_of(tmp_path / "zeros.npy", rows, 32, queries=1, tokens=5)
    loss = step()
    assert min(abs(loss.item() - log(rows - relevant + 1)) for relevant in (1, 2)) < 1e-5
    loss.backward()
