"""The records and the tables of docs/task_tables.md and docs/lora.md.

python benchmarks/task_tables.py keep runs   # the records of its studies, without predictions, to results/tasks
python benchmarks/task_tables.py             # make the tables of the pages again
"""

import json
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from statistics import fmean, stdev

from cmploss.atomic import write_json, write_text
from cmploss.experiment import read_records
from cmploss.experiment.objective_text import row_name
from cmploss.recipes.recipe import all_recipes
from cmploss.reports.all_formats import report_text
from cmploss.reports.formatting import markdown_grid, mean_text, signed
from cmploss.reports.study_runs import read_study
from cmploss.studies.vary import combinations_of, parse_vary

ROOT = Path(__file__).parents[1]
PAGES = tuple(ROOT / "docs" / name for name in ("task_tables.md", "lora.md"))
RECORDS = ROOT / "results" / "tasks"
STUDIES = tuple(name.partition("/")[2] for name in all_recipes() if name.startswith("tasks/"))


def keep(runs: Path) -> None:
    """Copy the records of every study of ``recipes/tasks`` below a folder, without predictions.

    Of a study that is not finished, the seeds that every row has.
    """
    for study in (runs / name for name in STUDIES if (runs / name).is_dir()):
        rows = [{path.parent.name: path for path in row.glob("*/record.json")} for row in sorted(study.iterdir())]
        rows = [row for row in rows if row]
        shared = set.intersection(*map(set, rows))
        references = [path for path in study.glob("reference/*.json") if path.stem.rpartition("_")[2] in shared]
        for path in [*(row[seed] for row in rows for seed in shared), *references]:
            record = json.loads(path.read_text(encoding="utf-8"))
            write_json(RECORDS / path.relative_to(runs), {**record, "predictions": {}})


def block(name: str) -> str:
    """The verdict, the table and the notes of a study, as its report has them: the first row is the baseline."""
    folder, options = RECORDS / name, all_recipes()[f"tasks/{name}"].options
    varied = [f"{setting}={','.join(values)}" for setting, values in options.get("vary", {}).items()]
    first = row_name(options["objectives"][0], combinations_of(parse_vary(varied))[0])
    return report_text([read_study(folder, read_records(folder))], "md", baseline=first).partition("\n")[2].strip()


def full_and_lora() -> str:
    """The accuracy of full training and of LoRA by objective, and the difference over the same seeds."""
    scores: dict[str, dict[bool, dict[int, float]]] = {}
    for run in read_records(RECORDS / "trec_lora"):
        of = scores.setdefault(run.objective["name"], {}).setdefault(run.objective["varied"]["lora"] is not None, {})
        of[run.seed] = run.primary
    lines = [["objective", "full training", "LoRA", "difference"]]
    for name in all_recipes()["tasks/trec_lora"].options["objectives"]:
        full, lora = scores[name][False], scores[name][True]
        gaps = [lora[seed] - full[seed] for seed in full]
        cells = [mean_text(fmean(of.values()), stdev(of.values()), len(of)) for of in (full, lora)]
        lines.append([name, *cells, f"{signed(fmean(gaps))} ± {stdev(gaps):.1f}"])
    return markdown_grid(lines).strip()


MADE: Mapping[str, Callable[[], str]] = {
    **{name: partial(block, name) for name in STUDIES if (RECORDS / name).is_dir()},
    "full and LoRA": full_and_lora,
}


def page(path: Path) -> str:
    """A page with its tables made again."""
    text = path.read_text(encoding="utf-8")
    for title, make in MADE.items():
        before, found, rest = text.partition(f"<!-- {title} -->\n\n")
        if found:
            _, end, after = rest.partition("\n\n<!-- end -->")
            text = f"{before}{found}{make()}{end}{after}"
    return text


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["keep", folder]:
            keep(Path(folder))
        case []:
            for each in PAGES:
                write_text(each, page(each))
        case _:
            sys.exit(__doc__)
