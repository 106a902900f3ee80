"""The records and the tables of the study of docs/protocol.md.

python benchmarks/evidence.py keep runs/evidence      # the JSON files of its studies to results/evidence
python benchmarks/evidence.py restore runs/evidence   # and back: cmploss recipes run evidence/NAME then continues
python benchmarks/evidence.py                         # make the tables of docs/evidence.md again
"""

import io
import sys
import tarfile
from collections.abc import Callable, Mapping
from functools import cache
from gzip import GzipFile
from pathlib import Path
from statistics import fmean, stdev
from tempfile import TemporaryDirectory

from cmploss.atomic import write_bytes, write_text
from cmploss.experiment import RunRecord, read_records
from cmploss.reports.formatting import markdown_grid, signed

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "evidence.md"
RECORDS = ROOT / "results" / "evidence"
DEVELOPMENT = {"develop-helpdesk": "helpdesk", "develop-trec": "TREC", "develop-cola": "CoLA"}
DEFAULT_RATE = 1e-4
LEFT_OUT = {"model", "best", "examples"}  # weights, and the texts of the data


def keep(runs: Path) -> None:
    """Pack the records, settings and reference rows of every study below a folder; equal files give equal archives."""
    for study in sorted(path.parent for path in runs.glob("*/study.json")):
        packed = io.BytesIO()
        with (
            GzipFile(fileobj=packed, mode="wb", mtime=0) as compressed,
            tarfile.open(fileobj=compressed, mode="w") as archive,
        ):
            for path in sorted(study.rglob("*.json")):
                if not LEFT_OUT & {*path.relative_to(study).parts} and "checkpoint" not in str(path):
                    entry = tarfile.TarInfo(path.relative_to(runs).as_posix())
                    entry.size = path.stat().st_size
                    archive.addfile(entry, io.BytesIO(path.read_bytes()))
        write_bytes(RECORDS / f"{study.name}.tar.gz", packed.getvalue())


def restore(runs: Path, names: str = "*") -> None:
    """Unpack studies into a folder."""
    for path in sorted(RECORDS.glob(f"{names}.tar.gz")):
        with tarfile.open(path) as archive:
            archive.extractall(runs, filter="data")


@cache
def records_of(name: str) -> list[RunRecord]:
    """The runs of a study that was kept."""
    with TemporaryDirectory() as folder:
        restore(Path(folder), name)
        return read_records(Path(folder) / name)


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


def chosen_rate(rates: Mapping[float, Mapping[tuple[str, int], float]]) -> float:
    """The rate with the largest mean if it beats 1e-4 by more than two standard errors, else 1e-4."""
    best = max(rates, key=lambda rate: fmean(rates[rate].values()))
    gain, error = difference(rates[best], rates[DEFAULT_RATE])
    return best if gain > 2 * error else DEFAULT_RATE


def difference(one: Mapping[tuple[str, int], float], other: Mapping[tuple[str, int], float]) -> tuple[float, float]:
    """Mean difference over data sets and seeds, and its standard error."""
    gaps = [one[key] - other[key] for key in one.keys() & other.keys()]
    return fmean(gaps), stdev(gaps) / len(gaps) ** 0.5


MADE: Mapping[str, Callable[[], str]] = {"learning rates": learning_rates}


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
