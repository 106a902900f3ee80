"""At each depth, the table compares scores at that depth with models that were trained at that depth."""

import runpy
from pathlib import Path

import pytest

from cmploss.experiment import Score
from tests.reports.runs import record_of

DEPTH_TABLE = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "depth_table.py"))
depth_report, overview = DEPTH_TABLE["depth_report"], DEPTH_TABLE["overview"]


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


def test_the_overview_has_the_differences_from_three_baselines():
    records = [whole("no_dropout", seed, d3=90.0, d2=40.0 + seed % 2) for seed in range(4)]
    records += [whole("equal_compute", seed, d3=89.0, d2=76.0 + seed % 3) for seed in range(4)]
    records += [whole("comparative", seed, d3=88.0, d2=77.0 + seed % 2) for seed in range(4)]
    records += [alone(2, seed, 75.0 - seed % 2) for seed in range(4)]
    table, power = overview(records, [3, 2]).split("\n\n")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]
    found = {(row[0], row[1]): [cell.partition(" ")[0] for cell in row[2:]] for row in rows}
    assert found["3", "no_dropout"] == ["90.3", "–", "–", "–"]
    assert found["3", "comparative"] == ["88.3", "−2.0", "–", "−1.0"]
    assert found["2", "comparative"] == ["77.8", "+37.0", "+3.0", "+0.8"]
    assert found["2", "equal_compute"] == ["77.0", "+36.2", "+2.2", "–"]
    assert found["2", "no_dropout · num_layers=2"] == ["74.8", "–", "–", "–"]
    assert power.startswith("Differences that would show with 80 % power")
