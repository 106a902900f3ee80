"""The records of the study of docs/protocol.md: one archive for each of its recipes."""

import io
import json
import tarfile
from collections.abc import Iterable
from functools import cache
from gzip import GzipFile
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory

from cmploss.atomic import write_bytes
from cmploss.experiment import RunRecord, read_records, read_references
from cmploss.recipes.recipe import all_recipes, find_recipe

RECORDS = Path(__file__).parents[1] / "results" / "evidence"
LEFT_OUT = {"model", "best", "examples"}  # weights, and the texts of the data
GROUP, DEVELOPMENT = "evidence/", "develop-"


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
        return (read_records(study), read_references(study)) if study.exists() else ([], [])


def records_of(name: str) -> list[RunRecord]:
    """The runs of a study; none if it was not kept."""
    return _unpacked(name)[0]


def references_of(name: str) -> list[RunRecord]:
    """The reference rows of a study."""
    return _unpacked(name)[1]


def runs_of_recipe(study: str) -> int:
    """The number of runs of a study's recipe."""
    options = find_recipe(GROUP + study).options
    varied = prod(len(values) for values in (options.get("vary") or {}).values())
    return int(options["seeds"]) * len(options["objectives"]) * varied


def planned() -> dict[str, int]:
    """Confirmation study → runs of its recipe."""
    found = {name.removeprefix(GROUP): recipe for name, recipe in all_recipes().items() if name.startswith(GROUP)}
    studies = [study for study, recipe in found.items() if recipe.command == "compare"]
    return {study: runs_of_recipe(study) for study in studies if not study.startswith(DEVELOPMENT)}


def finished() -> dict[str, tuple[int, int]]:
    """Confirmation study → its finished runs and those of its recipe."""
    return {study: (len(records_of(study)), count) for study, count in planned().items()}


def is_complete(studies: Iterable[str]) -> bool:
    """Whether all runs of these studies are there."""
    counts = finished()
    return all(done >= count for done, count in map(counts.__getitem__, studies))
