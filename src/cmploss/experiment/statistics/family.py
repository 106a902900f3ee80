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
from cmploss.experiment.statistics.paired_tests import PairedDifference, holm

MIN_BLOCKS = 3
"""Smallest number of seeds for a test: two would leave one residual degree of freedom per row."""
ALPHA = 0.05


@dataclass(frozen=True)
class FamilyDifference(PairedDifference):
    """A row minus the baseline in a family: its interval has the level of its test, and p is not adjusted.

    With ``max-t`` the intervals are simultaneous. With ``Holm`` each has the level at which Holm's step tests its row,
    so all of them together may cover less than 95 %. They are nan without a test.

    n is the number of blocks that the row shares with the baseline. If rows lack scores, the mean is that over these
    blocks, except with ``max-t``: there it is the least-squares difference over all blocks (see :func:`fit_blocks`).

    Attributes:
        adjusted: p adjusted for the whole family, None without a test; below .05 exactly if the interval excludes 0.
        equivalence_low: Lower end of the simultaneous 90 % interval, with ``Holm`` by Bonferroni; the row is
            equivalent to the baseline if this interval lies within ± margin (two one-sided tests).
        equivalence_high: Upper end.
        error: Standard error of the difference over blocks, nan without a test.
        df: Its degrees of freedom.
    """

    adjusted: float | None = None
    equivalence_low: float = math.nan
    equivalence_high: float = math.nan
    error: float = math.nan
    df: float = math.nan

    @property
    def significant(self) -> bool:
        """Whether the adjusted p is below .05."""
        return self.adjusted is not None and self.adjusted < ALPHA

    def equivalent(self, margin: float) -> bool:
        """Whether the true difference is within ± margin: two one-sided tests at the 5 % level of the family."""
        return self.equivalence_low > -margin and self.equivalence_high < margin


@dataclass(frozen=True)
class Family:
    """All comparisons of one table.

    Attributes:
        method: ``max-t`` (Dunnett with blocks), ``Holm`` (paired t tests) if each row has a variance of its own, or
            ``none`` if there are too few scores.
        comparisons: Row → comparison, without the baseline.
        sd: Residual standard deviation of one score; with ``Holm``, of the pair of rows with the largest.
        blocks: Number of seeds or folds.
        test_to_train: Test over training examples of a fold, 0 for seeds.
    """

    method: Literal["max-t", "Holm", "none"]
    comparisons: Mapping[str, FamilyDifference]
    sd: float
    blocks: int
    test_to_train: float = 0.0

    def difference(self, row: str) -> FamilyDifference | None:
        """The difference of a row; None for the baseline, and without a shared block."""
        found = self.comparisons.get(row)
        return None if found is None or math.isnan(found.mean) else found

    @property
    def by_least_squares(self) -> bool:
        """Whether differences are not those of means over shared blocks, because rows lack scores."""
        return self.method == "max-t" and any(each.n < self.blocks for each in self.comparisons.values())

    @property
    def simultaneous(self) -> bool:
        """Whether the intervals of several rows hold together: those of Holm's steps do not."""
        return self.method == "max-t" and len(self.comparisons) > 1

    @property
    def detectable(self) -> float:
        """The smallest true difference that these blocks detect with 80 % power; nan without a test."""
        return self.detectable_with(self.blocks)

    def detectable_with(self, blocks: int) -> float:
        """The same for another number of blocks, at least 2."""
        if self.method == "none" or not self.sd > 0:
            return math.nan
        return detectable_difference(self.sd, blocks, len(self.comparisons), **self._scatter)

    def blocks_for(self, difference: float) -> int | None:
        """Number of seeds that detect a true difference of this size with 80 % power; None if unknown or above 10,000.

        Folds of the same examples may never show it: their training sets overlap.
        """
        if self.method == "none" or not self.sd > 0:
            return None
        found = blocks_needed(self.sd, len(self.comparisons), difference, **self._scatter)
        return found and max(found, MIN_BLOCKS)

    @property
    def _scatter(self) -> dict[str, Any]:
        return {"pooled": self.method == "max-t", "test_to_train": self.test_to_train}


NO_FAMILY = Family("none", {}, math.nan, 0)


def compare_with_baseline(
    scores: Mapping[str, Mapping[Any, float]],
    baseline: str,
    *,
    resolution: float = 0.0,
    test_to_train: float = 0.0,
    pooled: bool = True,
) -> Family:
    """Compare every row with the baseline, paired by block.

    Args:
        scores: Row → block (seed or fold) → score; scores of nan and rows without a score are left out.
            A row without a block of the baseline is not tested, and does not change the tests of the others.
        baseline: A row of ``scores``.
        resolution: The worth of one test example in the unit of the scores (100 / examples for percent correct).
        test_to_train: Test over training examples of a fold, 0 for seeds; see :func:`fit_blocks`.
        pooled: Whether all rows may share one residual standard deviation. Otherwise each row has its own (``Holm``).

    Examples:
        >>> rows = {"a": {0: 80.0, 1: 81.0, 2: 82.0}, "b": {0: 82.0, 1: 83.5, 2: 83.5}}
        >>> family = compare_with_baseline(rows, "a")
        >>> found = family.comparisons["b"]
        >>> family.method, round(found.mean, 2), round(found.low, 2), round(found.high, 2), round(found.adjusted, 3)
        ('max-t', 2.0, 0.76, 3.24, 0.02)
    """
    known = {
        name: {block: score for block, score in row.items() if not math.isnan(score)} for name, row in scores.items()
    }
    kept = {name: row for name, row in known.items() if row}
    base = kept.get(baseline, {})
    paired = {name: row for name, row in kept.items() if row.keys() & base.keys()}
    counts = Counter(block for row in paired.values() for block in row)
    blocks = sum(count > 1 for count in counts.values())
    fit = None
    if len(paired) > 1:
        fit = fit_blocks(paired, baseline, resolution=resolution, test_to_train=test_to_train)
    if fit is None or blocks < MIN_BLOCKS or fit.sd == 0:
        return Family("none", _untested(kept, baseline), math.nan, blocks, test_to_train)
    if not pooled:
        comparisons, sd = _holm(kept, baseline, resolution, test_to_train)
        return Family("Holm", comparisons, sd, blocks, test_to_train)
    if fit.unlike:
        # The variances of the rows chose this test, so a pair of rows may agree too well by chance.
        comparisons, sd = _holm(kept, baseline, max(resolution, fit.quiet_sd), test_to_train)
        return Family("Holm", comparisons, sd, blocks, test_to_train)
    return Family("max-t", _untested(kept, baseline) | _max_t(fit), fit.sd, blocks, test_to_train)


def _max_t(fit: BlockFit) -> dict[str, FamilyDifference]:
    wide, narrow = critical_value(fit, 1 - ALPHA), critical_value(fit, 1 - 2 * ALPHA)
    adjusted = max_t_p(fit)
    return {
        row: _difference(fit, place, float(adjusted[place]), wide, narrow)
        for place, row in enumerate(fit.rows)
        if fit.blocks[place] >= MIN_BLOCKS
    }


def _holm(
    scores: Mapping[str, Mapping[Any, float]], baseline: str, resolution: float, test_to_train: float
) -> tuple[dict[str, FamilyDifference], float]:
    """Paired t tests with Holm's correction; each row's interval has the level at which Holm tests the row.

    A pair whose differences are all equal has no test, but counts in the family: it was chosen before its scores.
    """
    pairs = {
        row: fit_blocks(
            {baseline: scores[baseline], row: of}, baseline, resolution=resolution, test_to_train=test_to_train
        )
        for row, of in scores.items()
        if row != baseline
    }
    fits = {row: fit for row, fit in pairs.items() if fit is not None}
    shared = {row: fit for row, fit in fits.items() if fit.blocks[0] >= MIN_BLOCKS}
    tested = {row: fit for row, fit in shared.items() if fit.sd > 0}
    raw = {row: two_sided_p(float(fit.differences[0] / fit.errors[0]), fit.df) for row, fit in tested.items()}
    corrected = holm([*raw.values(), *[1.0] * (len(shared) - len(tested))])
    adjusted = {row: float(p or 0) for row, p in zip(raw, corrected, strict=False)}
    order = sorted(raw, key=lambda row: raw[row])
    rejected = sum(p < ALPHA for p in adjusted.values())
    found = _untested(scores, baseline)
    for row, fit in tested.items():
        step = min(order.index(row), rejected)
        wide = float(stats.t.isf(ALPHA / 2 / (len(shared) - step), fit.df))
        narrow = float(stats.t.isf(ALPHA / len(shared), fit.df))  # Bonferroni: this test has no order of steps
        found[row] = _difference(fit, 0, adjusted[row], wide, narrow)
    return found, max((fit.sd for fit in fits.values()), default=math.nan)


def _difference(fit: BlockFit, place: int, adjusted: float, wide: float, narrow: float) -> FamilyDifference:
    """A row with its intervals: ``wide`` and ``narrow`` standard errors to both sides."""
    mean, error = float(fit.differences[place]), float(fit.errors[place])
    return FamilyDifference(
        mean=mean,
        low=mean - wide * error,
        high=mean + wide * error,
        p=two_sided_p(mean / error, fit.df),
        n=int(fit.blocks[place]),
        adjusted=adjusted,
        equivalence_low=mean - narrow * error,
        equivalence_high=mean + narrow * error,
        error=error,
        df=fit.df,
    )


def _untested(scores: Mapping[str, Mapping[Any, float]], baseline: str) -> dict[str, FamilyDifference]:
    """Mean differences over shared blocks, without tests."""
    found, base = {}, scores.get(baseline, {})
    for row, of in scores.items():
        shared = [of[block] - base[block] for block in of if block in base]
        if row != baseline:
            mean = sum(shared) / len(shared) if shared else math.nan
            found[row] = FamilyDifference(mean, math.nan, math.nan, None, len(shared))
    return found
