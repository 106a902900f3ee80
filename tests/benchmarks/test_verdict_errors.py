"""The simulation counts what its verdicts claim."""

import importlib.util
from pathlib import Path


def loaded():
    path = Path(__file__).parents[2] / "benchmarks" / "verdict_errors.py"
    specification = importlib.util.spec_from_file_location("verdict_errors", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_a_huge_effect_is_found_and_no_effect_rarely():
    rates = loaded().rates
    false, found = rates(2, 5, 9, 20)
    assert (false, found) == (0, 1)
    false, found = rates(2, 5, 0, 20)
    assert false < 0.4
    assert found < 0.4
