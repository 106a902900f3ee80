"""What the page says of a study, before it is written as HTML: dictionaries for the templates."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from operator import attrgetter
from pathlib import Path
from typing import Any

from cmploss.errors import UserError
from cmploss.experiment import RunRecord, read_record, read_references
from cmploss.experiment.best_run import read_best
from cmploss.experiment.example_store import Text, read_texts
from cmploss.experiment.grouping import Comparison, comparisons_of
from cmploss.experiment.looks import earlier_looks
from cmploss.experiment.run_dir import EMBEDDINGS_FILE, FAILED_FILE, RECORD_FILE, SETTINGS_FILE, failure_of
from cmploss.experiment.spec import KINDS
from cmploss.reports.extra_tables import crossed_lines, evidence_of, label_errors, other_measures
from cmploss.reports.html.best_view import best_view
from cmploss.reports.html.charts import Slots, csv_address
from cmploss.reports.html.class_view import class_view
from cmploss.reports.html.example_view import disagreements
from cmploss.reports.html.pictures import (
    axis_pictures,
    forest_picture,
    inference_pictures,
    score_pictures,
    training_pictures,
)
from cmploss.reports.html.settings_view import settings_view
from cmploss.reports.methods import methods_paragraph
from cmploss.reports.over_all import over_all
from cmploss.reports.table import MARGIN, ComparisonTable, objectives_of, tables_of
from cmploss.reports.verdict import Verdict

EXAMPLES = 500  # on a page; those of question answering are a kilobyte each


@dataclass(frozen=True)
class StudyRuns:
    """The finished runs of a study and what lies next to them.

    Attributes:
        title: Name of the study.
        records: Its runs, at least one.
        texts: Fingerprint of a split → its texts.
        unfinished: Folder of every run without a record → its error, "" without one.
        embeddings: Name of a comparison → its picture of embeddings as a ``data:`` address.
        references: Simple models trained on the same samples.
        best: The run whose checkpoint is in its folder, see :func:`cmploss.experiment.best_run.read_best`.
        looks: How often its table was made with fewer seeds.
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
    def groups(self) -> list[Comparison]:
        """Its comparisons."""
        return comparisons_of(self.records, self.references)

    def tables(self, baseline: str | None, margin: float) -> dict[str, ComparisonTable]:
        """The table of each comparison, by its name.

        Raises:
            UserError: The runs of a comparison cannot be compared, or no run has the baseline.
        """
        try:
            return tables_of(self.groups, baseline=baseline, margin=margin, looks=self.looks)
        except UserError as error:
            raise UserError(f"{self.title}: {error}") from error


def read_study(folder: Path, records: Sequence[RunRecord]) -> StudyRuns:
    """The runs of a study with what lies in its folder: texts, pictures of embeddings, runs without a record.

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
    return StudyRuns(
        folder.resolve().name, records, texts, unfinished, pictures, simple, best, earlier_looks(folder, records)
    )


def slots_of(studies: Sequence[StudyRuns]) -> Slots:
    """Objective → number of its colour and marker, for all studies of a page; the kinds of ours have their own."""
    names = objectives_of([run for of in studies for run in of.records])
    own = {name: slot for slot, name in enumerate(KINDS) if name in names}
    free = (slot for slot in count() if slot not in own.values())
    return {name: own[name] if name in own else next(free) for name in names}


def study_view(
    study: StudyRuns, name: str, slots: Slots, *, baseline: str | None, margin: float = MARGIN, share: int = 1
) -> dict[str, Any]:
    """A study as the page shows it, one of ``share`` studies."""
    groups, tables = study.groups, study.tables(baseline, margin)
    most = EXAMPLES // (share * len(groups))
    baselines = {table.baseline for table in tables.values()}
    return {
        "id": name,
        "title": study.title,
        "baseline": baselines.pop() if len(baselines) == 1 else "its baseline",
        "answer": over_all(tables),
        "objectives": objectives_of(study.records),
        "cells": [
            {"id": f"{name}-{place}"} | _cell_view(group, tables[group.name], slots, study, most)
            for place, group in enumerate(groups)
        ],
        "pictures": axis_pictures(groups, tables, slots),
        "unfinished": study.unfinished,
        "best": best_view(study.best, study.title),
    }


def _cell_view(group: Comparison, table: ComparisonTable, slots: Slots, study: StudyRuns, most: int) -> dict[str, Any]:
    order, verdict = [row.objective for row in table.rows], Verdict(table)
    return {
        "name": group.name,
        "full": f"{study.title}, {group.name}" if group.name else study.title,
        "question": _question(table, group),
        "headline": verdict.headline,
        "chip": (verdict.finding.replace(" ", "-"), verdict.chip),
        "highest": verdict.highest,
        "plain": verdict.plain,
        "caveats": verdict.caveats,
        "sentences": verdict.sentences,
        "methods": methods_paragraph(table),
        "forest": forest_picture(table, slots),
        "about": _about(table),
        "table": table,
        "classes": class_view(table),
        "measures": other_measures(table) | label_errors(table),
        "errors": bool(label_errors(table)),
        "crossed": crossed_lines(table),
        "evidence": evidence_of(table),
        "scores": score_pictures(table, slots),
        "curves": [*training_pictures(group.records, order, slots), *inference_pictures(group.records, order, slots)],
        "examples": disagreements(table, study.texts, most=most),
        "embeddings": _embeddings(group, study.embeddings),
        "settings": settings_view(group.records, table),
    }


def _question(table: ComparisonTable, group: Comparison) -> str:
    examples = group.records[0].split("train").get("examples")
    trained = f" when trained on {examples} examples" if examples and "training examples" not in group.name else ""
    which = f" ({group.name})" if group.name else ""
    measure, where = table.benchmark.measure, f"{table.benchmark.task}{trained}{which}"
    if len(table.rows) == 1:
        return f"What {measure} does {table.rows[0].objective} reach on {where}?"
    return f"Is another objective better than {table.baseline} on {where}?"


def _about(table: ComparisonTable) -> str:
    benchmark, selection = table.benchmark, table.benchmark.selection_split
    selected = f"the best run is selected on {selection}" if selection else "nothing was selected"
    return (
        f"{benchmark.measure} in percent on the {benchmark.eval_split} split, mean ± standard deviation (runs); "
        f"{selected}. Δ: mean difference over the shared {table.units}."
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


def _embeddings(group: Comparison, pictures: Mapping[str, str]) -> dict[str, str] | None:
    """The picture of a comparison with the silhouettes of its runs, in words and as a file."""
    if group.name not in pictures:
        return None
    drawn = [(run.name, run.seed, run.data["silhouette"]) for run in group.records if "silhouette" in run.data]
    return {
        "picture": pictures[group.name],
        "text": "; ".join(f"{objective} {value:.2f} (seed {seed})" for objective, seed, value in drawn),
        "csv": csv_address([("objective", "seed", "silhouette"), *drawn]),
    }
