"""Coverage of the intervals over seeds, and over seeds and test examples, in simulated studies of two rows.

Differences of paired runs on test examples are drawn with the mean 0, a standard deviation over runs, one over examples
and a residual one of 25 points. Printed is how often the interval covers the true mean 0.
"""

import numpy as np

from cmploss.experiment.statistics.crossed import crossed_interval, example_variance
from cmploss.experiment.statistics.family import compare_with_baseline

DRAWS = 2000


def coverage(runs: int, examples: int, of_run: float, of_example: float) -> tuple[float, float]:
    """Shares of studies in which both intervals cover 0."""
    draw = np.random.default_rng(0)
    hits = np.zeros(2)
    for _ in range(DRAWS):
        gaps = of_run * draw.standard_normal((runs, 1)) + of_example * draw.standard_normal((1, examples))
        gaps = gaps + 25.0 * draw.standard_normal((runs, examples))
        scores = {"a": dict.fromkeys(range(runs), 0.0), "b": dict(enumerate(gaps.mean(1).tolist()))}
        difference = compare_with_baseline(scores, "a").comparisons["b"]
        ends = crossed_interval(difference, example_variance(gaps, np.zeros_like(gaps)))
        hits += [low <= 0 <= high for low, high in ((difference.low, difference.high), ends)]
    return float(hits[0] / DRAWS), float(hits[1] / DRAWS)


def main() -> None:
    print("| runs | test examples | sd over runs | sd over examples | over seeds | over seeds and examples |")
    print("|--:|--:|--:|--:|--:|--:|")
    for runs, examples in ((3, 60), (5, 60), (20, 60), (5, 336), (20, 336), (5, 1800)):
        for of_run, of_example in ((1.0, 0.0), (1.0, 10.0), (1.0, 20.0)):
            seeds, both = coverage(runs, examples, of_run, of_example)
            print(f"| {runs} | {examples} | {of_run:g} | {of_example:g} | {100 * seeds:.1f} % | {100 * both:.1f} % |")


if __name__ == "__main__":
    main()
