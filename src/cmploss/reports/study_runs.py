"""The runs of a study and the other files of its folder that reports are made from."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Any

from cmploss.errors import UserError
from cmploss.experiment import RunRecord, read_record, read_references
from cmploss.experiment.best_run import is_among, read_best
from cmploss.experiment.example_store import Text, read_texts
from cmploss.experiment.grouping import Comparison, comparisons_of
from cmploss.experiment.looks import earlier_looks
from cmploss.experiment.run_dir import EMBEDDINGS_FILE, FAILED_FILE, RECORD_FILE, SETTINGS_FILE, failure_of
from cmploss.reports.table import MARGIN, ComparisonTable, tables_of


@dataclass(frozen=True)
class StudyRuns:
    """The finished runs of a study, and what else its folder contains.

    Attributes:
        title: Name of the study.
        records: Its runs, at least one.
        texts: Fingerprint of a split → its texts.
        unfinished: Folder of every run without a record → its error; "" without one.
        embeddings: Name of a comparison → its picture of embeddings as a ``data:`` address.
        references: Records of simple models trained on the same samples.
        best: The run of the checkpoint in ``best/``, see :func:`cmploss.experiment.best_run.read_best`;
            None if it is not among the records.
        looks: How often the table was made with fewer seeds.
    """

    title: str
    records: Sequence[RunRecord]
    texts: Mapping[str, Sequence[Text]] = field(default_factory=dict)
    unfinished: Mapping[str, str] = field(default_factory=dict)
    embeddings: Mapping[str, str] = field(default_factory=dict)
    references: Sequence[RunRecord] = ()
    best: Mapping[str, Any] | None = None
    looks: int = 0

    @property
    def comparisons(self) -> list[Comparison]:
        """Its runs in groups that are compared."""
        return comparisons_of(self.records, self.references)

    def tables(
        self, *, baseline: str | None = None, order: Iterable[str] = (), margin: float = MARGIN
    ) -> dict[str, ComparisonTable]:
        """The table of every comparison, by its name.

        Args:
            baseline: Objective to compare with, by default ``supervised``, else another baseline, else the first.
            order: Objectives in the order of the rows; by default the baselines come first.
            margin: Points within which two objectives count as the same.

        Raises:
            UserError: There are no records, or runs of one condition cannot be compared.
        """
        try:
            return tables_of(self.comparisons, baseline=baseline, order=order, margin=margin, looks=self.looks)
        except UserError as error:
            raise UserError(f"{self.title}: {error}") from error


def read_study(folder: Path, records: Sequence[RunRecord]) -> StudyRuns:
    """The runs of a study with the texts, pictures of embeddings and unfinished runs in its folder.

    Raises:
        UserError: No records, or a file of texts is faulty.
    """
    if not records:
        raise UserError(f"{folder}: no {RECORD_FILE} below it; give the folder of finished runs")
    begun = sorted({path.parent for name in (SETTINGS_FILE, FAILED_FILE) for path in folder.glob(f"**/{name}")})
    unfinished = {
        str(run.relative_to(folder)): failure_of(run) or "" for run in begun if not (run / RECORD_FILE).exists()
    }
    texts, pictures = read_texts(folder), _read_pictures(folder, records)
    simple, best = read_references(folder), read_best(folder)
    best = best if best and is_among(best, records) else None
    return StudyRuns(
        folder.resolve().name, records, texts, unfinished, pictures, simple, best, earlier_looks(folder, records)
    )


def _read_pictures(folder: Path, records: Sequence[RunRecord]) -> dict[str, str]:
    """Name of a comparison → the picture in the folder of its runs, which is the study's or one below it."""
    identity = attrgetter("name", "seed", "benchmark", "condition")
    groups = {identity(run): group.name for group in comparisons_of(records) for run in group.records}
    found = {}
    for path in [folder / EMBEDDINGS_FILE, *sorted(folder.glob(f"*/{EMBEDDINGS_FILE}"))]:
        run = next(path.parent.glob(f"**/{RECORD_FILE}"), None) if path.is_file() else None
        group = groups.get(identity(read_record(run))) if run else None
        if group is not None:
            found[group] = f"data:image/svg+xml;base64,{base64.b64encode(path.read_bytes()).decode()}"
    return found
