"""Scores of single test examples, from the predictions in records."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from cmploss.errors import UserError
from cmploss.experiment import Benchmark, RunRecord
from cmploss.experiment.statistics.crossed import crossed_interval, example_variance
from cmploss.experiment.statistics.family import Family


def example_scores(record: RunRecord, measure: str) -> dict[Any, float] | None:
    """The value of every query or example of the evaluation split by its id, in percent; None if it has none."""
    found = record.predictions.get(record.benchmark.eval_split or "", {})
    if measure in found:
        values = [float(value) for value in found[measure]]
    elif measure == "accuracy" and {"predictions", "labels"} <= found.keys():
        values = [100.0 * (guess == label) for guess, label in zip(found["predictions"], found["labels"], strict=True)]
    else:
        return None
    return dict(zip(found.get("ids") or range(len(values)), values, strict=True))


def mean_values(runs: Iterable[RunRecord]) -> dict[Any, float]:
    """The primary measure of each query or example that all runs have, averaged over the runs."""
    found = []
    for run in runs:
        values = example_scores(run, run.benchmark.measure)
        if values is None:
            raise UserError(f"{run.name}, seed {run.seed}: no {run.benchmark.measure} of each {run.benchmark.unit}")
        found.append(values)
    shared = [name for name in found[0] if all(name in of for of in found)] if found else []
    return {name: sum(of[name] for of in found) / len(found) for name in shared}


def crossed_intervals(
    runs: Mapping[str, Mapping[int, RunRecord]], baseline: str, family: Family, benchmark: Benchmark
) -> dict[str, tuple[float, float]]:
    """Row → its interval over seeds and test examples, for rows whose runs have scores of the same examples."""
    if benchmark.unit != "seed":
        return {}
    found = {}
    for name, difference in family.comparisons.items():
        seeds = [seed for seed in runs[name] if seed in runs[baseline]]
        used = [runs[row][seed] for row in (name, baseline) for seed in seeds]
        same = {run.split(benchmark.eval_split).get("sha256") for run in used}
        scores = [example_scores(run, benchmark.measure) for run in used]
        if difference.adjusted is None or len(seeds) < 2 or len(same) > 1 or not all(scores):
            continue
        values = [list(of.values()) for of in scores if of]
        if min(map(len, values)) < 2 or any(math.isnan(value) for of in values for value in of):
            continue
        variance = example_variance(values[: len(seeds)], values[len(seeds) :])
        found[name] = crossed_interval(difference, variance)
    return found
