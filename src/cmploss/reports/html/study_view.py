"""The contents of the page for a study: dictionaries for the templates."""

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

from cmploss.experiment.grouping import Comparison
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
from cmploss.reports.study_runs import StudyRuns
from cmploss.reports.table import MARGIN, ComparisonTable, objectives_of
from cmploss.reports.verdict import Verdict

EXAMPLES = 500  # on a page; those of question answering are a kilobyte each


def slots_of(studies: Sequence[StudyRuns]) -> Slots:
    """Objective → number of its colour and marker, for all studies of a page; fixed for objectives of this package."""
    names = objectives_of([run for of in studies for run in of.records])
    own = {name: slot for slot, name in enumerate(KINDS) if name in names}
    free = (slot for slot in count() if slot not in own.values())
    return {name: own[name] if name in own else next(free) for name in names}


def study_view(
    study: StudyRuns,
    name: str,
    slots: Slots,
    *,
    baseline: str | None,
    order: Sequence[str] = (),
    margin: float = MARGIN,
    share: int = 1,
) -> dict[str, Any]:
    """A study as the page shows it, one of ``share`` studies."""
    trained = {run.name for run in study.records}
    order = [name for name in order if name in trained]
    groups, tables = study.comparisons, study.tables(baseline=baseline, order=order, margin=margin)
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
        "best": best_view(study.best, study.title, next(iter(tables.values())).block),
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
        f"{selected}. Δ: {table.about_difference}."
    )


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
