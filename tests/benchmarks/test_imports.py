"""Every benchmark can be imported: what it needs of the package exists."""

import runpy
from pathlib import Path

BENCHMARKS = sorted((Path(__file__).parents[2] / "benchmarks").glob("*.py"))


def test_every_benchmark_imports():
    assert len(BENCHMARKS) > 5
    for path in BENCHMARKS:
        runpy.run_path(str(path), run_name="imported")
