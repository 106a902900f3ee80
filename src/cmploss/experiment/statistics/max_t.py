"""Many comparisons with one baseline: Dunnett's test with seeds as blocks, and its simultaneous intervals."""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import brentq
from scipy.special import ndtr, stdtr

Matrix = NDArray[np.float64]

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(80)
_HALF = round(math.sqrt(0.5), 9)
POWER = 0.8
_MOST_NEEDED = 10_000
_MOST_BLOCKS = 500  # above this, only blocks without missing scores are used


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
        blocks: Number of blocks that each row shares with the baseline ``(rows,)``.
        scatter_ratio: Largest standard deviation of a row / pooled standard deviation of the others; nan with two rows.
        quiet_sd: That of the others, 0 with two rows.
    """

    rows: tuple[str, ...]
    differences: Matrix
    errors: Matrix
    correlation: Matrix
    sd: float
    df: int
    blocks: NDArray[np.int64]
    scatter_ratio: float
    quiet_sd: float

    @property
    def unlike(self) -> bool:
        """Whether one row varies significantly more than the others: F test at 5 % / rows, or a ratio above 3.

        The pooled σ of the max-t test is then too small for that row, and too large for the others.
        """
        m = len(self.rows) + 1
        if math.isnan(self.scatter_ratio):
            return False
        free = self.df / (m - 1)  # blocks − 1 without missing scores
        return self.scatter_ratio > _largest_ratio(m, free)


@lru_cache(maxsize=256)
def _largest_ratio(rows: int, free: float) -> float:
    return min(3.0, math.sqrt(float(stats.f.isf(0.05 / rows, free, (rows - 2) * free))))


def fit_blocks(
    scores: Mapping[str, Mapping[Any, float]], baseline: str, *, resolution: float = 0.0, test_to_train: float = 0.0
) -> BlockFit | None:
    """Fit ``score = row + block + residual`` by least squares.

    Args:
        scores: Row → block (seed or fold) → score. Blocks with a single score are not used.
        baseline: The row that the others are compared with.
        resolution: The worth of one test example in the unit of the scores. It is a lower limit of σ, because rounded
            scores may agree by chance.
        test_to_train: For the folds of one data set, test examples over training examples of a fold: their training
            sets overlap, so standard errors are multiplied by ``√(1 + blocks · test_to_train)``. 0 for seeds.

    References:
        Nadeau and Bengio 2003, "Inference for the generalization error" (the corrected resampled t test).

    Returns:
        None if a row shares no block with the others, or no residual degree of freedom is left.
    """
    names = [baseline, *sorted(name for name in scores if name != baseline)]  # a fixed order, for equal rounding
    counts = Counter(block for row in scores.values() for block in row)
    blocks = sorted((block for block, count in counts.items() if count > 1), key=repr)
    if len(blocks) > _MOST_BLOCKS:
        blocks = [block for block in blocks if counts[block] == len(names)]
    values = np.array([[scores[name].get(block, math.nan) for block in blocks] for name in names])
    if len(names) < 2 or not blocks:
        return None
    solve = _incomplete if np.isnan(values).any() else _complete
    solution = solve(values)
    if solution is None:
        return None
    differences, covariance, residuals, df = solution
    residuals[np.abs(residuals) < 1e-9 * max(1.0, float(np.nanmax(np.abs(values))))] = 0
    sd = max(math.sqrt(float(np.nansum(residuals**2)) / df), resolution)
    root = np.sqrt(np.diag(covariance))
    scatter_ratio, quiet_sd = _scatter([row[~np.isnan(row)] for row in residuals])
    return BlockFit(
        rows=tuple(names[1:]),
        differences=differences,
        errors=sd * root * math.sqrt(1 + len(blocks) * test_to_train),
        correlation=covariance / np.outer(root, root),
        sd=sd,
        df=df,
        blocks=(~np.isnan(values[1:] + values[0])).sum(1),
        scatter_ratio=scatter_ratio,
        quiet_sd=quiet_sd,
    )


def _complete(values: Matrix) -> tuple[Matrix, Matrix, Matrix, int] | None:
    """Differences, their covariance / σ², residuals and degrees of freedom without missing scores."""
    rows, blocks = values.shape
    if blocks < 2:
        return None
    means: Matrix = np.asarray(values.mean(1), dtype=np.float64)
    residuals: Matrix = values - means[:, None] - np.asarray(values.mean(0), dtype=np.float64) + float(values.mean())
    covariance: Matrix = (np.ones((rows - 1, rows - 1)) + np.eye(rows - 1)) / blocks
    return means[1:] - means[0], covariance, residuals, (rows - 1) * (blocks - 1)


def _incomplete(values: Matrix) -> tuple[Matrix, Matrix, Matrix, int] | None:
    """The same by least squares on the available scores."""
    rows, blocks = values.shape
    i, j = np.nonzero(~np.isnan(values))
    row, block = np.eye(rows)[i, 1:], np.eye(blocks)[j]
    design = np.hstack([row, block])
    df = len(i) - design.shape[1]
    if df < 1 or np.linalg.matrix_rank(design) < design.shape[1]:
        return None
    inverse = np.linalg.inv(design.T @ design)
    effects: Matrix = np.asarray(inverse @ design.T @ values[i, j], dtype=np.float64)
    residuals = np.full_like(values, math.nan)
    residuals[i, j] = values[i, j] - design @ effects
    covariance: Matrix = np.asarray(inverse[: rows - 1, : rows - 1], dtype=np.float64)
    return effects[: rows - 1], covariance, residuals, df


def max_t_p(fit: BlockFit) -> Matrix:
    """Adjusted two-sided p-values ``(rows,)``: ``P(max_j |T_j| ≥ |t_i|)`` if no row differs from the baseline.

    ``T`` is multivariate t with the degrees of freedom of the fit and correlations ``ρ_ij = λ_i λ_j``, which is exact
    without missing scores and close to the correlation of the fit with some. The family-wise error rate over
    all comparisons with the baseline is α. A row has p < α exactly if its simultaneous 1 − α interval excludes 0.

    References:
        Dunnett 1955, "A multiple comparison procedure for comparing several treatments with a control".
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(fit.differences == 0, 0.0, np.abs(fit.differences) / fit.errors)
    return np.array([0.0 if math.isinf(each) else min(1.0, _above(float(each), fit)) for each in t])


def critical_value(fit: BlockFit, confidence: float = 0.95) -> float:
    """``c`` with ``P(max_j |T_j| ≤ c)`` = confidence: simultaneous intervals are difference ± c · standard error."""
    loadings = _loadings(fit.correlation) if len(fit.rows) > 1 else (0.0,)
    return _critical(loadings, fit.df, confidence)


def detectable_difference(
    sd: float, blocks: int, rows: int, *, pooled: bool = True, test_to_train: float = 0.0
) -> float:
    """The smallest true difference that ``blocks`` seeds detect with 80 % power, in a table without missing scores.

    ``δ`` with ``P(|T'| > c) = 0.8``, where ``T'`` is noncentral t with ``rows · (blocks − 1)`` degrees of freedom and
    noncentrality ``δ / (σ √(2 / blocks + 2 · test_to_train))``, and c is the critical value of the family at 95 %.

    Args:
        sd: Residual standard deviation σ of one score.
        blocks: Seeds or folds, ≥ 2.
        rows: Rows that are compared with the baseline, ≥ 1.
        pooled: Whether σ is pooled over the table. Otherwise σ is from one pair of rows, with ``blocks − 1`` degrees of
            freedom and Bonferroni's critical value.
        test_to_train: As in :func:`fit_blocks`.

    Examples:
        >>> round(detectable_difference(1.0, 5, 1), 2)  # one pair of rows: σ of a difference is √2
        2.38
    """
    df = (rows if pooled else 1) * (blocks - 1)
    c = _critical((_HALF,) * rows, df, 0.95) if pooled else float(stats.t.isf(0.025 / rows, df))

    root, mass = _chi(df)

    def missing(shift: float) -> float:
        shown = ndtr(shift - c * root) + ndtr(-c * root - shift)
        return float(mass @ shown) - POWER

    shift = brentq(missing, 0.0, 10.0 * c, xtol=1e-4)
    return float(shift) * sd * math.sqrt(2 / blocks + 2 * test_to_train)


def blocks_needed(
    sd: float, rows: int, difference: float, *, pooled: bool = True, test_to_train: float = 0.0
) -> int | None:
    """The fewest seeds or folds that detect a true difference of that size with 80 % power; None if above 10,000."""

    def enough(blocks: int) -> bool:
        return detectable_difference(sd, blocks, rows, pooled=pooled, test_to_train=test_to_train) <= difference

    return bisect_left(range(2, _MOST_NEEDED), True, key=enough) + 2 if enough(_MOST_NEEDED) else None


def _scatter(residuals: list[Matrix]) -> tuple[float, float]:
    """Ratio of the largest standard deviation of a row to the pooled value of the other rows, and this pooled value.

    The residual of a row contains a part of every other row's, because all share the block means: with m rows ``E v_i =
    σ_i² (1 − 2/m) + Σ σ_l² / m²`` for the mean square ``v_i``, which is solved for each ``σ_i²`` (exact without missing
    scores).

    References:
        Grubbs 1948, "On estimating precision of measuring instruments and product variability".
    """
    m = len(residuals)
    if m < 3:
        return math.nan, 0.0
    squares = np.array([float(each @ each) / max(len(each) - 1, 1) for each in residuals])
    total = squares.sum() / (1 - 1 / m)
    variances = (squares - total / m**2) / (1 - 2 / m)
    most = int(variances.argmax())
    quiet = math.sqrt(max((variances.sum() - variances[most]) / (m - 1), 0.0))
    if variances[most] <= 0:
        return math.nan, quiet
    return (math.sqrt(variances[most]) / quiet if quiet else math.inf), quiet


def two_sided_p(t: float, df: int) -> float:
    """``P(|T| > |t|)`` of one t test."""
    return float(2 * stdtr(df, -abs(t)))


def _above(c: float, fit: BlockFit) -> float:
    """``P(max_j |T_j| > c)``."""
    if len(fit.rows) == 1:
        return two_sided_p(c, fit.df)
    return _outside(c, _loadings(fit.correlation), fit.df)


def _loadings(correlation: Matrix) -> tuple[float, ...]:
    """``λ`` with ``ρ_ij ≈ λ_i λ_j``: √½ each without missing scores, else least squares on the logarithms."""
    if float(np.abs(correlation - (1 + np.eye(len(correlation))) / 2).max()) < 1e-9:
        return (_HALF,) * len(correlation)
    i, j = np.triu_indices(len(correlation), 1)
    if len(i) == 1:
        return (math.sqrt(max(float(correlation[0, 1]), 0.0)),) * 2
    design = np.eye(len(correlation))[i] + np.eye(len(correlation))[j]
    logs, *_ = np.linalg.lstsq(design, np.log(np.clip(correlation[i, j], 1e-6, 1)), rcond=None)
    return tuple(float(each) for each in np.minimum(np.exp(logs), 0.999).round(9))


@lru_cache(maxsize=4096)
def _critical(loadings: tuple[float, ...], df: int, confidence: float) -> float:
    low = float(stats.t.ppf((1 + confidence) / 2, df))
    if len(loadings) == 1:
        return low
    high = float(stats.t.ppf(1 - (1 - confidence) / 2 / len(loadings), df)) * 1.001
    return float(brentq(lambda c: 1 - _outside(c, loadings, df) - confidence, low, high, xtol=1e-6))


def _outside(c: float, loadings: tuple[float, ...], df: int) -> float:
    """``P(max_j |T_j| > c)`` for ``T_j = (√(1 − λ_j²) Z_j + λ_j Z_0) / S`` with S² ~ χ²_ν / ν.

    Given Z_0 and S the events are independent, so the probability is a double integral: Gauss–Hermite over Z_0, the
    trapezoidal rule over log S.
    """
    root, mass = _chi(df)
    inside = np.zeros((len(root), len(_NODES)))
    for loading, count in Counter(loadings).items():
        own = math.sqrt(1 - loading**2)
        upper = (c * root[:, None] - loading * _NODES) / own
        lower = (c * root[:, None] + loading * _NODES) / own
        single = ndtr(-upper) + ndtr(-lower)
        inside += count * np.log1p(-np.minimum(single, 1 - 1e-16))
    return float(mass @ -np.expm1(inside) @ (_WEIGHTS / _WEIGHTS.sum()))


@lru_cache(maxsize=256)
def _chi(df: int) -> tuple[Matrix, Matrix]:
    """Values of S on an even grid of log S, and their probabilities."""
    low, high = (math.log(float(level)) for level in (stats.chi2.ppf(1e-15, df), stats.chi2.isf(1e-15, df)))
    grid = np.exp(np.linspace(low, high, 201))
    mass = stats.chi2.pdf(grid, df) * grid
    return np.sqrt(grid / df), mass / mass.sum()
