"""The records and the tables of the study of docs/protocol.md.

python benchmarks/evidence.py collect runs/evidence   # finished runs of these studies to results/evidence
python benchmarks/evidence.py                         # write the tables of docs/evidence.md from results/evidence

A file in results/evidence has the records of a study, one in a line, with the predictions of the reported split but
without their probabilities, and without the history of training.
"""

import gzip
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from statistics import fmean

from cmploss.atomic import write_bytes, write_text
from cmploss.experiment import RunRecord, read_records
from cmploss.experiment.record import record_of
from cmploss.experiment.statistics.family import compare_with_baseline
from cmploss.recipes.recipe import all_recipes
from cmploss.reports import comparison_table
from cmploss.reports.formatting import difference_text, mark, markdown_grid, mean_text, number_text
from cmploss.reports.several_data import several_data
from cmploss.reports.table import ComparisonTable

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "evidence.md"
RECORDS = ROOT / "results" / "evidence"
DEVELOPMENT = {"develop-helpdesk": "helpdesk", "develop-trec": "TREC", "develop-cola": "CoLA"}
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


def collect(runs: Path) -> None:
    """Store the finished runs of every recipe of the study below ``runs``."""
    for name in (each.partition("/")[2] for each in all_recipes() if each.startswith("evidence/")):
        if (runs / name).is_dir():
            lines = [json.dumps(asdict(_stripped(record)), ensure_ascii=False) for record in read_records(runs / name)]
            write_bytes(RECORDS / f"{name}.jsonl.gz", gzip.compress("\n".join(lines).encode(), mtime=0))


def _stripped(record: RunRecord) -> RunRecord:
    split = record.benchmark.eval_split
    kept = {name: column for name, column in record.predictions.get(split, {}).items() if name != "probabilities"}
    return replace(record, predictions={split: kept} if kept else {}, history=[])


@cache
def stored(name: str) -> list[RunRecord]:
    """The stored records of a study; [] if there are none."""
    path = RECORDS / f"{name}.jsonl.gz"
    if not path.exists():
        return []
    return [record_of(json.loads(line)) for line in gzip.decompress(path.read_bytes()).decode().splitlines()]


def tables() -> Mapping[str, ComparisonTable]:
    """Data set → its table."""
    return {title: comparison_table(runs) for name, title in TEXTS.items() if (runs := stored(name))}


def learning_rates() -> str:
    """Validation scores of development: objective and learning rate → data sets and their mean."""
    studies = [stored(name) for name in DEVELOPMENT]
    rows: dict[tuple[str, float], list[float]] = {}
    for runs in studies:
        for key in {_rated(run): None for run in runs}:
            scores = [run.score("validation", run.benchmark.measure) for run in runs if _rated(run) == key]
            rows.setdefault(key, []).append(fmean(scores))
    best = {name: max((key for key in rows if key[0] == name), key=lambda key: fmean(rows[key])) for name, _ in rows}
    lines = [["objective", "learning rate", *DEVELOPMENT.values(), "mean"]]
    for key, scores in rows.items():
        mean = number_text(fmean(scores))
        lines.append([key[0], f"{key[1]:g}", *map(number_text, scores), f"**{mean}**" if key in best.values() else mean])
    return markdown_grid(lines)


def _rated(run: RunRecord) -> tuple[str, float]:
    return str(run.objective["name"]), float(run.objective["varied"]["learning_rate"])


def scores() -> str:
    """Mean ± sd (runs) of every objective on every data set."""
    return _by_data(lambda row: mean_text(row.mean, row.sd, row.n), "")


def differences() -> str:
    """Differences from supervised with the simultaneous interval of the data set."""
    return _by_data(lambda row: difference_text(row.difference) + mark(row.corrected), "detectable")


def _by_data(cell: Callable[..., str], last: str) -> str:
    found = tables()
    names = list(dict.fromkeys(row.objective for table in found.values() for row in table.rows))
    shown = names[1:] if last else names
    lines = [["data set", *shown, *([last] if last else [])]]
    for title, table in found.items():
        cells = {row.objective: cell(row) for row in table.rows}
        detectable = [number_text(table.family.detectable)] if last else []
        lines.append([title, *(cells.get(name, "–") for name in shown), *detectable])
    return markdown_grid(lines)


def over_data(pairs: Sequence[tuple[str, str]]) -> str:
    """Mean differences of pairs of objectives over data sets, Holm's correction over the pairs."""
    means = {title: {row.objective: row.mean for row in table.rows} for title, table in tables().items()}
    lines = [["difference", "data sets", "mean [95 % CI]", "p", "detectable"]]
    gaps = {
        f"{first} − {second}": {
            title: of[first] - of[second] for title, of in means.items() if first in of and second in of
        }
        for first, second in pairs
    }
    zero = {title: 0.0 for title in means}
    family = compare_with_baseline({"none": zero, **gaps}, "none", pooled=False)
    for name, of in gaps.items():
        found = family.difference(name)
        lines.append([name, str(len(of)), difference_text(found), number_text(found and found.adjusted), ""])
    return markdown_grid(lines)


MADE: Mapping[str, Callable[[], str]] = {
    "learning rates": learning_rates,
    "scores": scores,
    "differences": differences,
}


def page() -> str:
    """docs/evidence.md with its tables made again."""
    text = PAGE.read_text(encoding="utf-8")
    for title, make in MADE.items():
        text = re.sub(
            rf"(?<=<!-- {title} -->\n).*?(?=<!-- end -->)", lambda _, make=make: f"\n{make()}\n", text, flags=re.DOTALL
        )
    return text


if __name__ == "__main__":
    if sys.argv[1:2] == ["collect"]:
        collect(Path(sys.argv[2]))
    else:
        write_text(PAGE, page())
