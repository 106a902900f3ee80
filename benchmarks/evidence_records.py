"""The records of the study of docs/protocol.md: one archive for each of its recipes."""

import io
import json
import tarfile
from collections import Counter
from collections.abc import Iterable
from functools import cache
from gzip import GzipFile
from itertools import product
from math import isnan
from pathlib import Path
from tempfile import TemporaryDirectory

from cmploss.atomic import write_bytes
from cmploss.experiment import RunRecord, read_records, read_references
from cmploss.experiment.objective_text import row_name
from cmploss.recipes.recipe import all_recipes, find_recipe

RECORDS = Path(__file__).parents[1] / "results" / "evidence"
LEFT_OUT = {"model", "best", "examples"}  # weights, and the texts of the data
GROUP, DEVELOPMENT = "evidence/", "develop-"
PASSAGES, WITHOUT_MODEL = "passages", "none"
"""The condition, and the row without a reformulator, of ``retrieve evaluate``."""


def keep(runs: Path) -> None:
    """Pack the records, settings and reference rows of every study below a folder; equal files give equal archives.

    Probabilities of single examples have two decimals in the archives, which is what reports show.
    """
    for study in sorted({runs / path.relative_to(runs).parts[0] for path in runs.glob("*/*/**/record.json")}):
        packed = io.BytesIO()
        with (
            GzipFile(fileobj=packed, mode="wb", mtime=0) as compressed,
            tarfile.open(fileobj=compressed, mode="w") as archive,
        ):
            for path in sorted(study.rglob("*.json")):
                if not LEFT_OUT & {*path.relative_to(study).parts} and "checkpoint" not in str(path):
                    entry = tarfile.TarInfo(path.relative_to(runs).as_posix())
                    content = shortened(path.read_bytes())
                    entry.size = len(content)
                    archive.addfile(entry, io.BytesIO(content))
        write_bytes(RECORDS / f"{study.name}.tar.gz", packed.getvalue())


def shortened(content: bytes) -> bytes:
    """A JSON file, with two decimals of the probabilities if it is a record."""
    found = json.loads(content)
    for split in found.get("predictions", {}).values() if isinstance(found, dict) else ():
        if "probabilities" in split:
            split["probabilities"] = [[each and round(each, 2) for each in row] for row in split["probabilities"]]
    return json.dumps(found).encode()


def restore(runs: Path, names: str = "*") -> None:
    """Unpack studies into a folder."""
    for path in sorted(RECORDS.glob(f"{names}.tar.gz")):
        with tarfile.open(path) as archive:
            archive.extractall(runs, filter="data")


@cache
def _unpacked(name: str) -> tuple[list[RunRecord], list[RunRecord]]:
    with TemporaryDirectory() as folder:
        restore(Path(folder), name)
        study = Path(folder) / name
        found = (read_records(study), read_references(study)) if study.exists() else ([], [])
    check(name, found[0])
    return found


def records_of(name: str) -> list[RunRecord]:
    """The runs of a study; none if it was not kept."""
    return _unpacked(name)[0]


def references_of(name: str) -> list[RunRecord]:
    """The reference rows of a study."""
    return _unpacked(name)[1]


def check(study: str, runs: Iterable[RunRecord]) -> None:
    """ValueError if a run has no score, other settings than the recipe, or other test examples than the runs before."""
    options, tests = find_recipe(GROUP + study).options, set[str]()
    (size,) = options.get("few_shot") or [None]
    for run in runs:
        at = f"results/evidence/{study}: {run.name}, seed {run.seed}"
        if isnan(run.primary):
            raise ValueError(f"{at}: {run.benchmark.measure} is undefined")
        for option, expected, found in (
            ("few_shot", size, run.condition.train_size),
            ("max_steps", options.get("max_steps"), run.condition.steps),
        ):
            if expected is not None and found != expected:
                raise ValueError(f"{at}: {option} is {found}, and {expected} in the recipe")
        tests |= {split["sha256"] for name, split in run.data.get("splits", {}).items() if name == "test"}
        if len(tests) > 1:
            raise ValueError(f"{at}: other test examples than those of the runs before")


def runs_of(study: str) -> list[RunRecord]:
    """The trained models of a study: of an evaluation with several numbers of passages, the records of the most."""
    records = records_of(study)
    most = max((run.condition.others.get(PASSAGES, 0) for run in records), default=0)
    return [run for run in records if run.condition.others.get(PASSAGES, 0) == most and run.name != WITHOUT_MODEL]


def runs_of_recipe(study: str) -> list[tuple[str, int]]:
    """Row and seed of every run of a recipe."""
    options = find_recipe(GROUP + study).options
    if "reformulator" in options:  # folders ROW-SEED
        folders = (Path(folder).name.rpartition("-") for folder in options["reformulator"].split(","))
        return [(row, int(seed)) for row, _, seed in folders]
    vary = options.get("vary") or {}
    varied = [dict(zip(vary, values, strict=True)) for values in product(*vary.values())]
    rows = [row_name(objective, values) for objective in options["objectives"] for values in varied]
    return [(row, seed) for row in rows for seed in range(int(options["seeds"]))]


def planned() -> dict[str, list[tuple[str, int]]]:
    """Confirmation study → row and seed of every run of its recipe."""
    found = {name.removeprefix(GROUP): recipe for name, recipe in all_recipes().items() if name.startswith(GROUP)}
    studies = [study for study, recipe in found.items() if recipe.command in {"compare", "retrieve evaluate"}]
    return {study: runs_of_recipe(study) for study in studies if not study.startswith(DEVELOPMENT)}


def finished() -> dict[str, tuple[int, int]]:
    """Confirmation study → its finished runs and those of its recipe."""
    return {study: (len(runs_of(study)), len(runs)) for study, runs in planned().items()}


def is_complete(studies: Iterable[str]) -> bool:
    """Whether these studies have the runs of their recipes, each of them once."""
    return all(
        Counter((run.name, run.seed) for run in runs_of(study)) == Counter(runs_of_recipe(study)) for study in studies
    )
