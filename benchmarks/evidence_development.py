"""Development of docs/protocol.md: learning rates, and candidates of our own."""

from collections.abc import Mapping
from statistics import fmean, stdev

from evidence_records import is_complete, records_of
from evidence_tables import NOT_COMPLETE

from cmploss.reports.formatting import markdown_grid, signed

DEVELOPMENT = {"develop-helpdesk": "helpdesk", "develop-trec": "TREC", "develop-cola": "CoLA"}
CANDIDATES = {"develop-candidates-helpdesk": "helpdesk", "develop-candidates-trec": "TREC"}
DEFAULT_RATE = 1e-4


def learning_rates() -> str:
    """Validation scores of development, by objective and learning rate, and the rate that is chosen."""
    scores: dict[str, dict[float, dict[tuple[str, int], float]]] = {}
    for study in DEVELOPMENT:
        for run in records_of(study):
            of = scores.setdefault(run.objective["name"], {}).setdefault(run.objective["varied"]["learning_rate"], {})
            of[study, run.seed] = run.score("validation", run.benchmark.measure)
    lines = [["objective", "learning rate", *DEVELOPMENT.values(), "mean", "Δ 1e-4 ± standard error", "chosen"]]
    for objective, rates in scores.items():
        chosen = chosen_rate(rates)
        for rate, found in sorted(rates.items()):
            means = [fmean(value for (of, _), value in found.items() if of == study) for study in DEVELOPMENT]
            gain, error = difference(found, rates[DEFAULT_RATE])
            shown = "–" if rate == DEFAULT_RATE else f"{signed(gain)} ± {error:.1f}"
            cells = [*(f"{mean:.1f}" for mean in means), f"{fmean(means):.1f}", shown, "yes" if rate == chosen else ""]
            lines.append([objective, f"{rate:g}", *cells])
    return markdown_grid(lines)


def candidates() -> str:
    """Validation scores of our own candidates on the development data, and their differences from ``comparative``."""
    if not is_complete(CANDIDATES):
        return NOT_COMPLETE
    scores: dict[str, dict[tuple[str, int], float]] = {}
    for study in CANDIDATES:
        for run in records_of(study):
            scores.setdefault(run.name, {})[study, run.seed] = run.score("validation", run.benchmark.measure)
    lines = [["objective", *CANDIDATES.values(), "mean", "Δ comparative ± standard error"]]
    for objective, found in scores.items():
        means = [fmean(value for (of, _), value in found.items() if of == study) for study in CANDIDATES]
        gain, error = difference(found, scores["comparative"])
        shown = "–" if objective == "comparative" else f"{signed(gain)} ± {error:.1f}"
        cells = [f"{mean:.1f}" for mean in (*means, fmean(means))]
        lines.append([objective.removeprefix("benchmarks.candidates:"), *cells, shown])
    return markdown_grid(lines)


def chosen_rate(rates: Mapping[float, Mapping[tuple[str, int], float]]) -> float:
    """The rate with the largest mean if it beats 1e-4 by more than two standard errors, else 1e-4."""
    best = max(rates, key=lambda rate: fmean(rates[rate].values()))
    gain, error = difference(rates[best], rates[DEFAULT_RATE])
    return best if gain > 2 * error else DEFAULT_RATE


def difference(one: Mapping[tuple[str, int], float], other: Mapping[tuple[str, int], float]) -> tuple[float, float]:
    """Mean difference over data sets and seeds, and its standard error."""
    gaps = [one[key] - other[key] for key in one.keys() & other.keys()]
    return fmean(gaps), stdev(gaps) / len(gaps) ** 0.5
