"""At each depth, the table compares scores at that depth with models that were trained at that depth."""

import runpy
from pathlib import Path

import pytest

from cmploss.experiment import Score
from tests.reports.runs import record_of

depth_report = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "depth_table.py"))["depth_report"]


def whole(name, seed, **at):
    run = record_of(name, seed, 90.0)
    run.scores.extend(
        Score("test", "accuracy", value + seed / 5, {"layers": int(depth[1:])}) for depth, value in at.items()
    )
    return run


def alone(depth, seed, score):
    run = record_of("no_dropout", seed, score + seed / 5)
    run.objective["varied"] = {"num_layers": depth}
    run.settings["num_layers"] = depth
    return run


def test_every_depth_has_its_scores_and_its_baseline():
    records = [whole("no_dropout", seed, d6=90.0, d2=40.0) for seed in range(4)]
    records += [whole("comparative", seed, d6=88.0, d2=77.0 + seed % 2) for seed in range(4)]
    records += [alone(2, seed, 75.0 - seed % 2) for seed in range(4)] + [alone(4, seed, 80.0) for seed in range(4)]
    six, two = depth_report(records, [6, 2]).split("**2 layers.**")
    assert "num_layers" not in six
    assert "| no_dropout | 90.3" in six
    assert "| comparative | 88.3" in six
    assert "num_layers=4" not in two
    assert "| no_dropout | 40.3" in two
    assert "| comparative | 77.8" in two
    gain = sum(77 + seed % 2 - (75 - seed % 2) for seed in range(4)) / 4
    assert gain == pytest.approx(3.0)
    assert "+3.0" in two
    assert "no_dropout · num_layers=2 | 74.8" in two
