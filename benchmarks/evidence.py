"""The tables of the study of docs/protocol.md, and its records.

python benchmarks/evidence.py keep runs/evidence      # the JSON files of its studies to results/evidence
python benchmarks/evidence.py restore runs/evidence   # and back: cmploss recipes run evidence/NAME then continues
python benchmarks/evidence.py                         # make the tables of docs/evidence.md again
"""

import sys
from collections.abc import Callable, Mapping
from math import isnan
from pathlib import Path
from statistics import fmean, stdev

from evidence_records import finished, is_complete, keep, records_of, references_of, restore, runs_of_recipe
from evidence_settings import setting_tables

from cmploss.atomic import write_text
from cmploss.experiment.statistics.family import Family, FamilyDifference, compare_with_baseline
from cmploss.recipes.recipe import find_recipe
from cmploss.reports import ComparisonTable, comparison_table
from cmploss.reports.formatting import difference_text, markdown_grid, mean_text, p_text, signed
from cmploss.reports.table import MARGIN

PAGE = Path(__file__).parents[1] / "docs" / "evidence.md"
DEVELOPMENT = {"develop-helpdesk": "helpdesk", "develop-trec": "TREC", "develop-cola": "CoLA"}
CANDIDATES = {"develop-candidates-helpdesk": "helpdesk", "develop-candidates-trec": "TREC"}
TEXTS = {
    "sst2": "SST-2",
    "rt-polarity": "rt-polarity",
    "amazon-electronics": "amazon_electronics",
    "banking77": "banking77",
    "mrpc": "MRPC",
    "rte": "RTE",
    "stsb": "STS-B",
    "qnli": "QNLI",
    "mnli": "MNLI",
    "qqp": "QQP",
}
"""The confirmation data sets of texts: recipe and name."""
ANSWERS = {
    "Q1": [("comparative", "supervised"), ("comparative", "no_dropout"), ("comparative", "equal_compute")],
    "Q5": [("scl", "supervised"), ("rdrop", "supervised")],
}
"""The families of tests over data sets: objective and what it is compared with."""
NOT_COMPLETE = "Not all runs are there yet, so no score is shown."
DEFAULT_RATE = 1e-4


def state() -> str:
    """How many runs of each confirmation study are finished."""
    counts = finished()
    lines = [[f"`{study}`", f"{done} of {planned}"] for study, (done, planned) in counts.items()]
    total = [sum(of) for of in zip(*counts.values(), strict=True)]
    return markdown_grid([["study", "finished runs"], *lines, ["all", "{} of {}".format(*total)]])


def tables() -> dict[str, ComparisonTable]:
    """Data set → its comparison table; {} before all runs of all data sets are there."""
    if not is_complete(TEXTS):
        return {}
    return {
        name: comparison_table(
            records_of(study),
            order=find_recipe(f"evidence/{study}").options["objectives"],
            references=references_of(study),
        )
        for study, name in TEXTS.items()
    }


def scores() -> str:
    """Test scores of all objectives and reference rows on all data sets."""
    of = tables()
    if not of:
        return NOT_COMPLETE
    names = list(dict.fromkeys(row.objective for table in of.values() for row in (*table.references, *table.rows)))
    lines = [["data set", "measure", *names]]
    for data, table in of.items():
        rows = {row.objective: row for row in (*table.references, *table.rows)}
        cells = [mean_text(row.mean, row.sd, row.n) if (row := rows.get(name)) else "–" for name in names]
        lines.append([data, table.benchmark.measure, *cells])
    return markdown_grid(lines)


def verdicts() -> str:
    """Every objective against ``supervised`` on every data set, as the verdict of one study has it."""
    of = tables()
    if not of:
        return NOT_COMPLETE
    names = [row.objective for row in next(iter(of.values())).rows if row.objective != "supervised"]
    lines = [["data set", *names, "detectable"]]
    for data, table in of.items():
        gaps = {row.objective: row.difference for row in table.rows}
        starred = [
            difference_text(gap) + ("*" if gap and gap.significant else "") for gap in (gaps.get(n) for n in names)
        ]
        lines.append([data, *starred, points(table.family.detectable)])
    return markdown_grid(lines)


def answers() -> str:
    """The tests over data sets and what they answer."""
    of = tables()
    if not of:
        return NOT_COMPLETE
    lines = [["question", "data sets", "difference [95 % CI]", "p", "detectable", "answer"]]
    for question, pairs in ANSWERS.items():
        family = over_data({f"{one} − {other}": gaps_of(of, one, other) for one, other in pairs})
        for pair, found in family.comparisons.items():
            cells = [str(found.n), difference_text(found), p_text(found.adjusted), points(family.detectable)]
            lines.append([f"{question}: {pair}", *cells, answer(found)])
    return markdown_grid(lines)


def points(value: float) -> str:
    """A number of points, a dash if it is undefined."""
    return "–" if isnan(value) else f"{value:.1f}"


def gaps_of(of: Mapping[str, ComparisonTable], one: str, other: str) -> dict[str, float]:
    """Data set → mean difference of two rows, of data sets that have both."""
    means = {data: {row.objective: row.mean for row in table.rows} for data, table in of.items()}
    return {data: rows[one] - rows[other] for data, rows in means.items() if {one, other} <= rows.keys()}


def over_data(gaps: Mapping[str, Mapping[str, float]]) -> Family:
    """t tests over data sets of mean differences from 0, with Holm's correction."""
    zero = {data: 0.0 for of in gaps.values() for data in of}
    return compare_with_baseline({"0": zero, **gaps}, "0", pooled=False)


def answer(found: FamilyDifference) -> str:
    """Yes, no or not decided, by the rule of docs/protocol.md."""
    if found.significant:
        return "yes" if found.mean > 0 else "no, it is worse"
    return "no" if found.equivalent(MARGIN) else "not decided"


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
    if any(len(records_of(study)) < runs_of_recipe(study) for study in CANDIDATES):
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


MADE: Mapping[str, Callable[[], str]] = {
    "state": state,
    "answers": answers,
    "verdicts": verdicts,
    "scores": scores,
    "settings": lambda: setting_tables() or NOT_COMPLETE,
    "learning rates": learning_rates,
    "candidates": candidates,
}


def page() -> str:
    """docs/evidence.md with its tables made again."""
    text = PAGE.read_text(encoding="utf-8")
    for title, make in MADE.items():
        before, rest = text.split(f"<!-- {title} -->\n\n")
        _, after = rest.split("\n\n<!-- end -->", 1)
        text = f"{before}<!-- {title} -->\n\n{make().strip()}\n\n<!-- end -->{after}"
    return text


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["keep", folder]:
            keep(Path(folder))
        case ["restore", folder]:
            restore(Path(folder))
        case []:
            write_text(PAGE, page())
        case _:
            sys.exit(__doc__)
