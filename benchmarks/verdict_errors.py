"""How often the verdict of a comparison is wrong, and how often it finds a true difference, on simulated studies.

A score is ``row + seed + residual`` with normal residuals of standard deviation 1 (2 in the row ``twice``), and normal
seed effects of 1.5. A
claim is false if it says "better" or "worse" of a row that is equal to the baseline or differs the other way, or
"the same within 1 point" of a row that differs by at least 1. Usage: ``python benchmarks/verdict_errors.py [TABLES]``.
"""

import math
import sys

import numpy as np

from cmploss.experiment.statistics import family as statistics
from cmploss.experiment.statistics.max_t import BlockFit, Matrix, critical_value

ROWS, SEEDS, MARGIN = (2, 4, 7), (3, 5, 10, 20), 1.0
EFFECTS = (1.0, 2.0)  # d_z: in standard deviations of a paired difference, √2 residual standard deviations


def rates(
    rows: int, seeds: int, d_z: float, tables: int, resolution: float = 0.0, twice: int | None = None
) -> tuple[float, float]:
    """Share of tables with a false claim, and with "better" for the last row, which is above the others by ``d_z``."""
    draw = np.random.default_rng([rows, seeds, int(d_z)])
    effects = np.zeros(rows)
    effects[-1] = d_z * math.sqrt(2)
    sds = np.ones((rows, 1))
    if twice is not None:
        sds[twice] = 2
    false = found = 0
    for _ in range(tables):
        scores = 80 + effects[:, None] + draw.normal(0, 1.5, seeds) + sds * draw.standard_normal((rows, seeds))
        if resolution:
            scores = np.round(scores / resolution) * resolution
        family = statistics.compare_with_baseline(
            {str(row): dict(enumerate(line.tolist())) for row, line in enumerate(scores)}, "0", resolution=resolution
        )
        claims = [
            (effect, family.comparisons[str(row)].significant * np.sign(family.comparisons[str(row)].mean), row)
            for row, effect in enumerate(effects)
            if row
        ]
        false += any(
            (sign != 0 and sign != np.sign(effect))
            or (sign == 0 and abs(effect) >= MARGIN and family.comparisons[str(row)].equivalent(MARGIN))
            for effect, sign, row in claims
        )
        found += claims[-1][1] > 0
    return false / tables, found / tables


def fast_p(fit: BlockFit) -> Matrix:
    """Some p below .05 where the exact one is, that is where |t| exceeds the critical value, which is cached."""
    return np.where(np.abs(fit.differences) > critical_value(fit) * fit.errors, 0.01, 0.5)


def main(tables: int = 4000) -> None:
    """Print the table of the documentation."""
    print("| rows | seeds | row of twice the sd | true d_z | false claims | found |\n|--:|--:|--:|--:|--:|--:|")
    statistics.max_t_p = fast_p
    cases: list[tuple[int, int, float, int | None]]
    cases = [(rows, seeds, 0.0, None) for rows in ROWS for seeds in SEEDS] + [(4, 5, d_z, None) for d_z in EFFECTS]
    cases += [(rows, seeds, 0.0, twice) for rows in ROWS[1:] for seeds in (5, 10) for twice in (-1, 0)]
    for rows, seeds, d_z, twice in cases:
        false, found = rates(rows, seeds, d_z, tables, twice=twice)
        row = {None: "–", 0: "baseline", -1: "another"}[twice]
        shown = f"{found:.1%}" if d_z else "–"
        print(f"| {rows} | {seeds} | {row} | {d_z:g} | {false:.1%} | {shown} |".replace("%", " %"), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
