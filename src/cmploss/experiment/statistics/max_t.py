"""Many comparisons with one baseline: Dunnett's test with seeds as blocks, and its simultaneous intervals."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import brentq

Matrix = NDArray[np.float64]

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(80)
_QMC_SEED, _QMC_POINTS = 0, 200_000


@dataclass(frozen=True)
class BlockFit:
    """Rows of a table minus the baseline, in the additive model ``score = row + block + residual``.

    Attributes:
        rows: Names of the rows, without the baseline.
        differences: Row effect minus baseline effect ``(rows,)``, least squares.
        errors: Standard errors of the differences ``(rows,)``.
        correlation: Correlation of the differences ``(rows, rows)``; 1/2 off the diagonal without missing scores.
        sd: Residual standard deviation σ of one score.
        df: Residual degrees of freedom ν; ``(rows) · (blocks − 1)`` without missing scores.
        blocks: Number of blocks that at least two rows share, for each row those with a score ``(rows,)``.
        scatter_ratio: Standard deviation of the most scattered row over that of all others together; nan with two rows.
    """

    rows: tuple[str, ...]
    differences: Matrix
    errors: Matrix
    correlation: Matrix
    sd: float
    df: int
    blocks: NDArray[np.int64]
    scatter_ratio: float

    @property
    def unlike(self) -> bool:
        """Whether one row scatters more than the others by more than chance: F test at 5 % / rows, or a ratio above 3.

        The pooled σ of the max-t test is then too small for that row, and too large for the others.
        """
        m = len(self.rows) + 1
        if math.isnan(self.scatter_ratio):
            return False
        free = self.df / (m - 1)  # blocks − 1 without missing scores
        return self.scatter_ratio > min(3.0, math.sqrt(float(stats.f.isf(0.05 / m, free, (m - 2) * free))))


def fit_blocks(
    scores: Mapping[str, Mapping[int, float]], baseline: str, *, resolution: float = 0.0, test_to_train: float = 0.0
) -> BlockFit | None:
    """Fit ``score = row + block + residual`` by least squares.

    Args:
        scores: Row → block (seed or fold) → score. Blocks with a single score say nothing about differences.
        baseline: The row that the others are compared with.
        resolution: What one example of the test split is worth, in the unit of the scores; σ is never taken to be
            smaller, because scores that are rounded to steps may agree by chance.
        test_to_train: For the folds of one data set, test examples over training examples of a fold: their training
            sets overlap, so standard errors are multiplied by ``√(1 + blocks · test_to_train)``. 0 for seeds.

    References:
        Nadeau and Bengio 2003, "Inference for the generalization error" (the corrected resampled t test).

    Returns:
        None where a row shares no block with the others, or no residual degree of freedom is left.
    """
    names = [baseline, *(name for name in scores if name != baseline)]
    counts: dict[int, int] = {}
    for row in scores.values():
        for block in row:
            counts[block] = counts.get(block, 0) + 1
    blocks = sorted(block for block, count in counts.items() if count > 1)
    cells = [(i, j) for i, name in enumerate(names) for j, block in enumerate(blocks) if block in scores[name]]
    design = np.zeros((len(cells), len(names) - 1 + len(blocks)))
    for place, (i, j) in enumerate(cells):
        if i:
            design[place, i - 1] = 1
        design[place, len(names) - 1 + j] = 1
    df = len(cells) - design.shape[1]
    if len(names) < 2 or df < 1 or np.linalg.matrix_rank(design) < design.shape[1]:
        return None
    values = np.array([scores[names[i]][blocks[j]] for i, j in cells])
    inverse = np.linalg.inv(design.T @ design)
    effects = inverse @ design.T @ values
    residuals = values - design @ effects
    residuals[np.abs(residuals) < 1e-9 * max(1.0, float(np.abs(values).max()))] = 0
    sd = max(math.sqrt(float(residuals @ residuals) / df), resolution)
    rows = slice(0, len(names) - 1)
    covariance = inverse[rows, rows]
    root = np.sqrt(np.diag(covariance))
    of_row = np.array([i for i, _ in cells])
    return BlockFit(
        rows=tuple(names[1:]),
        differences=effects[rows],
        errors=sd * root * math.sqrt(1 + len(blocks) * test_to_train),
        correlation=covariance / np.outer(root, root),
        sd=sd,
        df=df,
        blocks=np.array([int((of_row == i).sum()) for i in range(1, len(names))]),
        scatter_ratio=_scatter_ratio([residuals[of_row == i] for i in range(len(names))]),
    )


def max_t_p(fit: BlockFit) -> Matrix:
    """Adjusted two-sided p-values ``(rows,)``: ``P(max_j |T_j| ≥ |t_i|)`` where no row differs from the baseline.

    ``T`` is multivariate t with the correlation and the degrees of freedom of the fit. The family-wise error rate over
    all comparisons with the baseline is α. A row has p < α exactly where its simultaneous 1 − α interval excludes 0.

    References:
        Dunnett 1955, "A multiple comparison procedure for comparing several treatments with a control".
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(fit.differences == 0, 0.0, np.abs(fit.differences) / fit.errors)
    return np.array([0.0 if math.isinf(each) else min(1.0, _above(float(each), fit)) for each in t])


def critical_value(fit: BlockFit, confidence: float = 0.95) -> float:
    """``c`` with ``P(max_j |T_j| ≤ c)`` = confidence: simultaneous intervals are difference ± c · standard error."""
    single = float(stats.t.ppf((1 + confidence) / 2, fit.df))
    bonferroni = float(stats.t.ppf(1 - (1 - confidence) / 2 / len(fit.rows), fit.df))
    if len(fit.rows) == 1:
        return single
    return float(brentq(lambda c: 1 - _above(c, fit) - confidence, single, bonferroni * 1.001, xtol=1e-6))


def detectable_difference(sd: float, blocks: int, rows: int, *, power: float = 0.8, confidence: float = 0.95) -> float:
    """The smallest true difference that ``blocks`` seeds show with the given power, in a table without missing scores.

    ``δ`` with ``P(|T'| > c) = power``, where ``T'`` is noncentral t with ``rows · (blocks − 1)`` degrees of freedom and
    noncentrality ``δ / (σ √(2 / blocks))``, and c is the critical value of the whole family.

    Args:
        sd: Residual standard deviation σ of one score.
        blocks: Seeds or folds, ≥ 2.
        rows: Rows that are compared with the baseline, ≥ 1.
        power: Probability of showing it.
        confidence: One minus the family-wise error rate.

    Example:
        >>> round(detectable_difference(1.0, 5, 1), 2)  # one pair of rows: σ of a difference is √2
        2.38
    """
    df = rows * (blocks - 1)
    c = _critical(rows, df, confidence)

    def missing(shift: float) -> float:
        above, below = stats.nct.sf(c, df, shift), stats.nct.cdf(-c, df, shift)
        return float(above + below) - power

    most = c + 1.0
    while missing(most) < 0:
        most += 1.0
    shift = brentq(missing, 0.0, most, xtol=1e-4)
    return float(shift) * sd * math.sqrt(2 / blocks)


def blocks_needed(sd: float, rows: int, difference: float, *, power: float = 0.8, most: int = 10_000) -> int | None:
    """The fewest seeds that show a true difference of that size with the given power; None if above ``most``."""
    low, high = 1, 3
    while detectable_difference(sd, high, rows, power=power) > difference:
        low, high = high, 2 * high
        if high > most:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        enough = detectable_difference(sd, middle, rows, power=power) <= difference
        low, high = (low, middle) if enough else (middle, high)
    return high


def _scatter_ratio(residuals: list[Matrix]) -> float:
    """How much more the most scattered row scatters than the others.

    The residual of a row holds a part of every other row's, since all share the block means: with m rows
    ``E v_i = σ_i² (1 − 2/m) + Σ σ_l² / m²`` for the mean square ``v_i``, which is solved for each ``σ_i²``
    (exact without missing scores).

    References:
        Grubbs 1948, "On estimating precision of measuring instruments and product variability".
    """
    m = len(residuals)
    if m < 3:
        return math.nan
    squares = np.array([float(each @ each) / max(len(each) - 1, 1) for each in residuals])
    total = squares.sum() / (1 - 1 / m)
    variances = (squares - total / m**2) / (1 - 2 / m)
    most = int(variances.argmax())
    others = (variances.sum() - variances[most]) / (m - 1)
    if variances[most] <= 0:
        return math.nan
    return math.inf if others <= 0 else math.sqrt(variances[most] / others)


def _above(c: float, fit: BlockFit) -> float:
    """``P(max_j |T_j| > c)``."""
    count = len(fit.rows)
    if count == 1:
        return float(2 * stats.t.sf(c, fit.df))
    off = fit.correlation[~np.eye(count, dtype=bool)]
    if np.allclose(off, 0.5, atol=1e-8):
        return _outside(c, count, fit.df)
    # Missing scores: no closed form of lower dimension, so quasi-Monte Carlo with a fixed seed.
    found = stats.multivariate_t(shape=fit.correlation, df=fit.df, seed=_QMC_SEED).cdf(
        np.full(count, c), lower_limit=np.full(count, -c), maxpts=_QMC_POINTS
    )
    return 1 - float(found)


@lru_cache(maxsize=4096)
def _critical(count: int, df: int, confidence: float) -> float:
    low = float(stats.t.ppf((1 + confidence) / 2, df))
    if count == 1:
        return low
    high = float(stats.t.ppf(1 - (1 - confidence) / 2 / count, df)) * 1.001
    return float(brentq(lambda c: 1 - _outside(c, count, df) - confidence, low, high, xtol=1e-6))


@lru_cache(maxsize=4096)
def _outside(c: float, count: int, df: int) -> float:
    """``P(max_j |T_j| > c)`` for correlation 1/2: ``T_j = (Z_j + Z_0) / (√2 S)``, S² ~ χ²_ν / ν.

    Given Z_0 and S the events are independent, so the probability is a double integral: Gauss–Hermite over Z_0, the
    trapezoidal rule over log S.
    """
    root, mass = _chi(df)
    s = root[:, None] * c * math.sqrt(2)
    single = stats.norm.sf(s - _NODES) + stats.norm.sf(s + _NODES)
    any_row = -np.expm1(count * np.log1p(-np.minimum(single, 1 - 1e-16)))
    return float(mass @ any_row @ (_WEIGHTS / _WEIGHTS.sum()))


@lru_cache(maxsize=256)
def _chi(df: int) -> tuple[Matrix, Matrix]:
    """Values of S on an even grid of log S, and their probabilities."""
    low, high = (math.log(float(level)) for level in (stats.chi2.ppf(1e-15, df), stats.chi2.isf(1e-15, df)))
    grid = np.exp(np.linspace(low, high, 401))
    mass = stats.chi2.pdf(grid, df) * grid
    return np.sqrt(grid / df), mass / mass.sum()
