"""Random comparison tables: ties, missing runs and scores, few seeds, no variance, unlike scatter, effects."""

import numpy as np

from cmploss.experiment import Benchmark
from cmploss.experiment.statistics import mean_sd
from cmploss.experiment.statistics.crossed import crossed_interval
from cmploss.experiment.statistics.family import compare_with_baseline
from cmploss.reports.table import ComparisonTable, Row

NAMES = ("supervised", "no_dropout", "equal_compute", "comparative", "scl", "rdrop", "comparative+scl")


def random_table(seed: int) -> ComparisonTable:
    """A table that depends on the seed alone."""
    draw = np.random.default_rng(seed)
    rows, seeds = int(draw.integers(1, 8)), int(draw.choice([1, 2, 3, 4, 5, 10, 20]))
    step = float(draw.choice([0.0, 0.0, 0.5, 5.0]))  # scores in steps of an example
    spread = draw.uniform(0.05, 4, rows) if draw.random() < 0.4 else np.full(rows, draw.choice([0.0, 0.3, 1.0, 3.0]))
    effects = draw.choice([0.0, 0.3, 1.0, 3.0]) * draw.standard_normal(rows)
    scores = (
        80
        + effects[:, None]
        + draw.normal(0, draw.choice([0.0, 2.0]), seeds)
        + draw.normal(size=(rows, seeds)) * spread[:, None]
    )
    if step:
        scores = np.round(scores / step) * step
    missing = draw.random((rows, seeds)) < (0.2 if draw.random() < 0.3 else 0.0)
    table = {
        name: {place: float(score) for place, (score, gone) in enumerate(zip(line, left, strict=True)) if not gone}
        for name, line, left in zip(NAMES, scores, missing, strict=False)
    }
    if draw.random() < 0.05:
        table[NAMES[rows - 1]] = dict.fromkeys(table[NAMES[rows - 1]], float("nan"))
    family = compare_with_baseline(table, NAMES[0], resolution=step)
    variance = float(draw.choice([0.0, 0.3, 3.0]))
    crossed = {
        name: crossed_interval(difference, variance)
        for name, difference in family.comparisons.items()
        if difference.adjusted is not None and draw.random() < 0.7
    }
    return ComparisonTable(
        Benchmark("tickets", "accuracy", "test"),
        NAMES[0],
        tuple(
            Row(
                name,
                *mean_sd(list(of.values())),
                n=len(of),
                difference=family.difference(name),
                seconds=1.0,
                passes=1.0,
                scores=of,
                is_baseline=name in NAMES[:3],
                kind=name,
                crossed=crossed.get(name),
            )
            for name, of in table.items()
        ),
        family=family,
    )
