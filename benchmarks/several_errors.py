"""How often studies over several data sets show a difference between equal objectives, on simulated studies.

A score is ``data set + objective × data set + seeds``: normal effects of an objective on a data set with standard
deviation τ / √2, and the mean of five seeds, whose standard deviation is between 0.3 and 3 points, another for each
data set. The first objective is the baseline. Usage: ``python benchmarks/several_errors.py [TABLES]``.
"""

import math
import sys

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from cmploss.experiment.statistics.family import ALPHA, compare_with_baseline
from cmploss.experiment.statistics.ranks import rank_test

ROWS, SETS, TAUS, SEEDS = (4, 7), (3, 4, 6, 10), (0.0, 1.0), 5
METHODS = (
    "paired t, Holm",
    "DerSimonian–Laird, Hartung–Knapp",
    "Friedman, permutations",
    "χ²",
    "F",
    "two rows by ranks",
)


def hartung_knapp(differences: NDArray[np.float64], variances: NDArray[np.float64], level: float) -> bool:
    """Whether a pooled difference is significant by DerSimonian and Laird's weights and Hartung and Knapp's error."""
    k, w = len(differences), 1 / variances
    q = float((w * (differences - (w @ differences) / w.sum()) ** 2).sum())
    w = 1 / (variances + max(0.0, (q - k + 1) / (w.sum() - (w**2).sum() / w.sum())))
    mean = float(w @ differences / w.sum())
    error = math.sqrt(float((w * (differences - mean) ** 2).sum()) / (k - 1) / w.sum())
    return abs(mean) > float(stats.t.isf(level / 2, k - 1)) * error


def claims(draw: np.random.Generator, rows: int, sets: int, tau: float) -> list[bool]:
    """Which of the methods claim a difference in one table."""
    sd = np.exp(draw.uniform(math.log(0.3), math.log(3), sets))
    runs = draw.normal(80, 5, sets)[:, None] + draw.standard_normal((rows, sets, SEEDS)) * sd[:, None]
    runs += tau / math.sqrt(2) * draw.standard_normal((rows, sets, 1))
    means = runs.mean(axis=2)
    family = compare_with_baseline(
        {str(row): dict(enumerate(line.tolist())) for row, line in enumerate(means)}, "0", pooled=False
    )
    residuals = runs - runs.mean(axis=0) - means[:, :, None] + means.mean(axis=0)[:, None]
    variances = (residuals**2).sum(axis=(0, 2)) / (rows - 1) / (SEEDS - 1) * 2 / SEEDS
    ranks = rank_test(
        {str(data): {str(row): float(score) for row, score in enumerate(of)} for data, of in enumerate(means.T)}
    )
    f = (sets - 1) * ranks.chi_square / max(sets * (rows - 1) - ranks.chi_square, 1e-9)
    return [
        any(pair.significant for pair in family.comparisons.values()),
        any(hartung_knapp(line - means[0], variances, ALPHA / (rows - 1)) for line in means[1:]),
        ranks.significant,
        bool(stats.chi2.sf(ranks.chi_square, rows - 1) < ALPHA),
        bool(stats.f.sf(f, rows - 1, (rows - 1) * (sets - 1)) < ALPHA),
        bool(ranks.apart),
    ]


def main(tables: int = 4000) -> None:
    """Print the table of the documentation."""
    print("| rows | data sets | τ |", " | ".join(METHODS), "|\n" + "|--:" * (3 + len(METHODS)) + "|")
    for rows in ROWS:
        for sets in SETS:
            for tau in TAUS:
                draw = np.random.default_rng([rows, sets, int(tau)])
                rates = np.mean([claims(draw, rows, sets, tau) for _ in range(tables)], axis=0)
                shown = " | ".join(f"{100 * rate:.1f} %" for rate in rates)
                print(f"| {rows} | {sets} | {tau:g} | {shown} |", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
