"""The pictures of embeddings that lie in the folders of a study, and the numbers that go with them."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cmploss.experiment import RunRecord, read_record
from cmploss.experiment.grouping import Comparison, comparisons_of
from cmploss.reports.html.charts import csv_address
from cmploss.reports.vector_picture import EMBEDDINGS_FILE


@dataclass(frozen=True)
class Embeddings:
    """What one run of each objective makes of the test examples."""

    picture: str
    silhouettes: Sequence[tuple[str, int, float]]

    @property
    def text(self) -> str:
        """The numbers in words."""
        return "; ".join(f"{objective} {value:.2f} (seed {seed})" for objective, seed, value in self.silhouettes)

    @property
    def csv(self) -> str:
        """The numbers as a ``data:`` address of a CSV file."""
        return csv_address([("objective", "seed", "silhouette"), *self.silhouettes])


def read_pictures(folder: Path, records: Sequence[RunRecord]) -> dict[str, str]:
    """Name of a group → the picture in the folder of its runs, which is the study's or one below it."""
    groups, found = comparisons_of(records), {}
    for path in [folder / EMBEDDINGS_FILE, *sorted(folder.glob(f"*/{EMBEDDINGS_FILE}"))]:
        runs = path.parent.glob("**/record.json") if path.is_file() else iter(())
        run = next(runs, None)
        name = _group_of(read_record(run), groups) if run else None
        if name is not None:
            found[name] = f"data:image/svg+xml;base64,{base64.b64encode(path.read_bytes()).decode()}"
    return found


def embeddings_of(group: Comparison, pictures: Mapping[str, str]) -> Embeddings | None:
    """The picture of a group with its numbers; None where there is none."""
    if group.name not in pictures:
        return None
    drawn = [(run.name, run.seed, run.data["silhouette"]) for run in group.records if "silhouette" in run.data]
    return Embeddings(pictures[group.name], drawn)


def _group_of(record: RunRecord, groups: Sequence[Comparison]) -> str | None:
    def told(run: RunRecord) -> tuple[object, ...]:
        return run.name, run.seed, run.benchmark, run.condition

    return next((group.name for group in groups if told(record) in map(told, group.records)), None)
