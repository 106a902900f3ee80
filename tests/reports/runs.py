"""Records of runs that never ran: scores as given, everything else as plain as can be."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from scipy import stats

from cmploss.experiment import Benchmark, Condition, Noise, RunRecord, Score

BENCHMARK = ("task", "measure", "eval_split", "selection_split", "unit")
CONDITION = ("train_size", "noise", "steps", "others")


def t_test(values: Sequence[float], baseline: Sequence[float]) -> Any:
    """Mean difference, interval, p and number of pairs by scipy's paired t test, to be compared with a difference."""
    test = stats.ttest_rel(values, baseline)
    interval = test.confidence_interval()
    mean = sum(values) / len(values) - sum(baseline) / len(baseline)
    return pytest.approx((mean, interval.low, interval.high, test.pvalue, len(values)))


def scores_of(**splits: Mapping[str, float]) -> list[Score]:
    """Scores by split and measure."""
    return [score for split, measures in splits.items() for score in Score.of(split, measures)]


def record_of(objective_name: str, seed: int, score: float, **changes: Any) -> RunRecord:
    """A run; changes are fields of the record, its benchmark and its condition, or ``kind`` of the objective."""
    kind = re.sub(r"\([^()]*\)", "", objective_name)
    made = RunRecord(
        benchmark=Benchmark("tickets", "accuracy", "test", "validation"),
        condition=Condition(),
        objective={"name": objective_name, "kind": kind, "settings": {}, "source": None},
        seed=seed,
        settings={"learning_rate": 5e-5, "seed": seed},
        data={
            "splits": {
                "train": {"examples": 400, "sha256": "a" * 64},
                "test": {"examples": 500, "sha256": "b" * 64},
            },
            "label_names": ["billing", "login"],
            "notes": [],
        },
        cost={"seconds": 40.0 + seed, "passes_per_step": 2.0},
        environment={"python": "3.11.7", "device": "CPU"},
    )
    made = changed(made, **changes)
    primary = Score(str(made.benchmark.eval_split), made.benchmark.measure, score)
    return made if "scores" in changes else replace(made, scores=[primary])


def changed(record: RunRecord, **changes: Any) -> RunRecord:
    """A record with other values; fields of its benchmark, condition and objective are given by their own names."""
    if isinstance(changes.get("noise"), str):
        changes["noise"] = Noise.parse(changes["noise"])
    parts = {
        "benchmark": replace(record.benchmark, **{name: changes.pop(name) for name in BENCHMARK if name in changes}),
        "condition": replace(record.condition, **{name: changes.pop(name) for name in CONDITION if name in changes}),
    }
    of_objective = {name: changes.pop(name) for name in ("name", "kind") if name in changes}
    parts["objective"] = changes.pop("objective", record.objective) | of_objective
    return replace(record, **parts | changes)


def records_of(scores: Mapping[str, Sequence[float]], **changes: Any) -> list[RunRecord]:
    """One record per score; the position in the list is the seed."""
    return [
        record_of(objective, seed, score, **changes)
        for objective, row in scores.items()
        for seed, score in enumerate(row)
    ]
