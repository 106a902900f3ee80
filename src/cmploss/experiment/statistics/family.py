"""One family of comparisons: every row of a table against its baseline, with p-values and intervals that agree."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from scipy import stats

from cmploss.experiment.statistics.max_t import (
    BlockFit,
    blocks_needed,
    critical_value,
    detectable_difference,
    fit_blocks,
    max_t_p,
    two_sided_p,
)
from cmploss.experiment.statistics.paired_tests import holm

MIN_BLOCKS = 3
"""Seeds that a test takes: with two, one residual degree of freedom a row would decide."""
ALPHA = 0.05


@dataclass(frozen=True)
class Comparison:
    """A row minus the baseline, in the unit of the scores.

    Attributes:
        difference: Estimated difference; over the shared blocks where scores are missing.
        low: Lower end of the simultaneous 95 % interval, nan without a test.
        high: Upper end.
        p: Adjusted for the whole family, None without a test; below .05 exactly where the interval excludes 0.
        raw_p: Not adjusted.
        equivalence_low: Lower end of the simultaneous 90 % interval; the row is equivalent to the baseline where this
            interval lies within ± margin (two one-sided tests).
        equivalence_high: Upper end.
        blocks: Blocks in which the row has a score that another row shares.
    """

    difference: float
    low: float
    high: float
    p: float | None
    raw_p: float | None
    equivalence_low: float
    equivalence_high: float
    blocks: int

    @property
    def significant(self) -> bool:
        """Whether the adjusted p is below .05."""
        return self.p is not None and self.p < ALPHA

    def equivalent(self, margin: float) -> bool:
        """Whether the true difference is within ± margin: two one-sided tests at the 5 % level of the family."""
        return self.equivalence_low > -margin and self.equivalence_high < margin


@dataclass(frozen=True)
class Family:
    """All comparisons of one table.

    Attributes:
        method: ``max-t`` (Dunnett with blocks), ``Holm`` (paired t tests) where the scatter of the rows is unlike, or
            ``none`` where there are too few scores.
        comparisons: Row → comparison, without the baseline.
        sd: Residual standard deviation of one score; with ``Holm`` that of the pair of rows that scatters most.
        scatter_ratio: Standard deviation of the most scattered row over that of the others, nan with two rows.
        blocks: Seeds or folds that enter.
    """

    method: Literal["max-t", "Holm", "none"]
    comparisons: Mapping[str, Comparison]
    sd: float
    scatter_ratio: float
    blocks: int

    @property
    def detectable(self) -> float:
        """The smallest true difference that these blocks show with 80 % power; nan without a test."""
        return self.detectable_with(self.blocks)

    def detectable_with(self, blocks: int) -> float:
        """The same for another number of blocks, at least 2."""
        if self.method == "none" or not self.sd > 0:
            return math.nan
        return detectable_difference(self.sd, blocks, len(self.comparisons), pooled=self.method == "max-t")

    def blocks_for(self, difference: float) -> int | None:
        """Seeds that a true difference of this size takes with 80 % power; None if unknown or above 10,000."""
        if self.method == "none" or not self.sd > 0:
            return None
        found = blocks_needed(self.sd, len(self.comparisons), difference, pooled=self.method == "max-t")
        return found and max(found, MIN_BLOCKS)


NO_FAMILY = Family("none", {}, math.nan, math.nan, 0)


def compare_with_baseline(
    scores: Mapping[str, Mapping[Any, float]], baseline: str, *, resolution: float = 0.0, test_to_train: float = 0.0
) -> Family:
    """Compare every row with the baseline, paired by block.

    Args:
        scores: Row → block (seed or fold) → score; scores of nan and rows without a score are left out.
        baseline: A row of ``scores``.
        resolution: What one test example is worth in the unit of the scores (100 / examples for percent correct).
        test_to_train: Test over training examples of a fold, 0 for seeds; see :func:`fit_blocks`.

    Example:
        >>> rows = {"a": {0: 80.0, 1: 81.0, 2: 82.0}, "b": {0: 82.0, 1: 83.5, 2: 83.5}}
        >>> family = compare_with_baseline(rows, "a")
        >>> found = family.comparisons["b"]
        >>> family.method, round(found.difference, 2), round(found.low, 2), round(found.high, 2), round(found.p, 3)
        ('max-t', 2.0, 0.76, 3.24, 0.02)
    """
    known = {
        name: {block: score for block, score in row.items() if not math.isnan(score)} for name, row in scores.items()
    }
    kept = {name: row for name, row in known.items() if row}
    counts = Counter(block for row in kept.values() for block in row)
    blocks = sum(count > 1 for count in counts.values())
    fit = (
        fit_blocks(kept, baseline, resolution=resolution, test_to_train=test_to_train)
        if baseline in kept and len(kept) > 1
        else None
    )
    if fit is None or blocks < MIN_BLOCKS or fit.sd == 0:
        return Family("none", _differences(kept, baseline), math.nan, math.nan, blocks)
    if fit.unlike:
        comparisons, sd = _holm(kept, baseline, resolution, test_to_train)
        return Family("Holm", comparisons, sd, fit.scatter_ratio, blocks)
    return Family("max-t", _max_t(fit), fit.sd, fit.scatter_ratio, blocks)


def _max_t(fit: BlockFit) -> dict[str, Comparison]:
    wide, narrow = critical_value(fit, 1 - ALPHA), critical_value(fit, 1 - 2 * ALPHA)
    adjusted = max_t_p(fit)
    found = {}
    for place, row in enumerate(fit.rows):
        difference, error = float(fit.differences[place]), float(fit.errors[place])
        raw = two_sided_p(difference / error, fit.df)
        found[row] = Comparison(
            difference,
            difference - wide * error,
            difference + wide * error,
            float(adjusted[place]),
            raw,
            difference - narrow * error,
            difference + narrow * error,
            int(fit.blocks[place]),
        )
    return found


def _holm(
    scores: Mapping[str, Mapping[Any, float]], baseline: str, resolution: float, test_to_train: float
) -> tuple[dict[str, Comparison], float]:
    """Paired t tests, Holm's correction, and for each row the interval of the level at which Holm tests it."""
    pairs = {
        row: fit_blocks(
            {baseline: scores[baseline], row: of}, baseline, resolution=resolution, test_to_train=test_to_train
        )
        for row, of in scores.items()
        if row != baseline
    }
    raw = {
        row: None
        if fit is None or fit.blocks[0] < MIN_BLOCKS or fit.sd == 0
        else two_sided_p(float(fit.differences[0] / fit.errors[0]), fit.df)
        for row, fit in pairs.items()
    }
    adjusted = dict(zip(raw, holm(list(raw.values())), strict=True))
    tested = sorted((row for row in raw if raw[row] is not None), key=lambda row: float(raw[row] or 0))
    rejected = sum(float(adjusted[row] or 0) < ALPHA for row in tested)
    plain = _differences(scores, baseline)
    found = {}
    for row, fit in pairs.items():
        if fit is None or raw[row] is None:
            found[row] = plain[row]
            continue
        step = min(tested.index(row), rejected)
        difference, error = float(fit.differences[0]), float(fit.errors[0])
        wide = float(stats.t.isf(ALPHA / 2 / (len(tested) - step), fit.df)) * error
        narrow = float(stats.t.isf(ALPHA / len(tested), fit.df)) * error  # Bonferroni: no order of steps in this test
        found[row] = Comparison(
            difference,
            difference - wide,
            difference + wide,
            adjusted[row],
            raw[row],
            difference - narrow,
            difference + narrow,
            int(fit.blocks[0]),
        )
    return found, max((fit.sd for fit in pairs.values() if fit is not None), default=math.nan)


def _differences(scores: Mapping[str, Mapping[Any, float]], baseline: str) -> dict[str, Comparison]:
    """Mean differences over shared blocks, without tests."""
    found = {}
    base = scores.get(baseline, {})
    for row, of in scores.items():
        shared = [of[block] - base[block] for block in of if block in base]
        mean = sum(shared) / len(shared) if shared else math.nan
        if row != baseline:
            found[row] = Comparison(mean, math.nan, math.nan, None, None, math.nan, math.nan, len(shared))
    return found
