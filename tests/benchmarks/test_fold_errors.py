"""The simulation of folds tells equal classifiers apart more often without the correction than with it."""

import importlib.util
from pathlib import Path

from cmploss.tasks.folds import Folds


def loaded():
    path = Path(__file__).parents[2] / "benchmarks" / "fold_errors.py"
    specification = importlib.util.spec_from_file_location("fold_errors", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_corrected_p_is_the_larger_one():
    module = loaded()
    found = [module.p_values(Folds(5, 2), seed) for seed in range(20)]
    assert all(corrected >= naive for corrected, naive in found)
    assert sum(corrected < 0.05 for corrected, _ in found) <= sum(naive < 0.05 for _, naive in found)
    assert len(set(found)) > 10
