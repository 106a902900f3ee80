"""The records and the tables of docs/task_tables.md and docs/lora.md.

python benchmarks/task_tables.py keep runs   # the records of its studies, without predictions, to results/tasks
python benchmarks/task_tables.py             # make the tables of the pages again
"""

import json
import sys
from pathlib import Path

from cmploss.atomic import write_json, write_text
from cmploss.experiment import read_records
from cmploss.recipes.recipe import all_recipes
from cmploss.reports.all_formats import report_text
from cmploss.reports.study_runs import read_study

ROOT = Path(__file__).parents[1]
PAGES = tuple(ROOT / "docs" / name for name in ("task_tables.md", "lora.md"))
RECORDS = ROOT / "results" / "tasks"
STUDIES = tuple(name.partition("/")[2] for name in all_recipes() if name.startswith("tasks/"))


def keep(runs: Path) -> None:
    """Copy the records of every study of ``recipes/tasks`` below a folder, without predictions."""
    for study in (runs / name for name in STUDIES if (runs / name).is_dir()):
        for path in sorted(study.rglob("record.json")):
            record = json.loads(path.read_text(encoding="utf-8"))
            write_json(RECORDS / path.relative_to(runs), {**record, "predictions": {}})


def block(name: str) -> str:
    """The verdict, the table and the notes of a study, as ``cmploss report --format md`` writes them."""
    folder = RECORDS / name
    return report_text([read_study(folder, read_records(folder))], "md").partition("\n")[2].strip()


def page(path: Path) -> str:
    """A page with its tables made again."""
    text = path.read_text(encoding="utf-8")
    for name in STUDIES:
        before, found, rest = text.partition(f"<!-- {name} -->\n\n")
        if found and (RECORDS / name).is_dir():
            _, end, after = rest.partition("\n\n<!-- end -->")
            text = f"{before}{found}{block(name)}{end}{after}"
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
