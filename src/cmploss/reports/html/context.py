"""What the page says of a study, before it is written as HTML."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from cmploss.errors import UserError
from cmploss.experiment import RunRecord, read_references
from cmploss.experiment.example_store import Text, read_texts
from cmploss.experiment.grouping import Comparison, comparisons_of
from cmploss.experiment.run_dir import FAILED_FILE, RECORD_FILE, SETTINGS_FILE, failure_of
from cmploss.reports.extra_tables import Evidence, evidence_of, other_measures
from cmploss.reports.html.chart_axes import axis_pictures
from cmploss.reports.html.charts import (
    Picture,
    Slots,
    inference_pictures,
    score_pictures,
    training_pictures,
)
from cmploss.reports.html.commands import command_of
from cmploss.reports.html.example_view import Disagreements, disagreements
from cmploss.reports.html.vectors_section import Embeddings, embeddings_of, read_pictures
from cmploss.reports.objective_order import FAMILY, objectives_of
from cmploss.reports.over_conditions import over_all
from cmploss.reports.settings_diff import Facts, facts_of, joined, values_of
from cmploss.reports.table import MARGIN, ComparisonTable, tables_of
from cmploss.reports.verdict import chip_of, in_words, verdict_of

EXAMPLES = 500  # on a page; those of question answering are a kilobyte each


@dataclass(frozen=True)
class StudyRuns:
    """The finished runs of a study and what lies beside them.

    Attributes:
        title: Name of the study.
        records: Its runs, at least one.
        texts: Fingerprint of a part → its texts.
        unfinished: Folder of every run without a record → the error that it ended with, "" without one.
        embeddings: Name of a group → its picture of embeddings as a ``data:`` address.
        references: Simple models trained on the same samples.
    """

    title: str
    records: Sequence[RunRecord]
    texts: Mapping[str, Sequence[Text]] = field(default_factory=dict)
    unfinished: Mapping[str, str] = field(default_factory=dict)
    embeddings: Mapping[str, str] = field(default_factory=dict)
    references: Sequence[RunRecord] = ()


@dataclass(frozen=True)
class Settings:
    """Settings of a cell, those of its objectives apart where they differ, and where it comes from."""

    facts: Facts
    parts: Sequence[tuple[str, str, str]]
    notes: Sequence[str]
    environment: Mapping[str, str]
    commands: Mapping[str, str]
    continued: bool


@dataclass(frozen=True)
class CellView:
    """One comparison on the page."""

    id: str
    name: str
    question: str
    headline: str
    chip: tuple[str, str]
    answer: str
    about: str
    table: ComparisonTable
    measures: Mapping[str, Sequence[str]]
    evidence: Sequence[Evidence]
    scores: Sequence[Picture]
    curves: Sequence[Picture]
    examples: Disagreements | None
    embeddings: Embeddings | None
    settings: Settings


@dataclass(frozen=True)
class StudyView:
    """One study on the page."""

    id: str
    title: str
    baseline: str
    answer: str
    cells: Sequence[CellView]
    objectives: Sequence[str]
    pictures: Sequence[Picture]
    unfinished: Mapping[str, str]


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
    texts, pictures = read_texts(folder), read_pictures(folder, records)
    return StudyRuns(folder.resolve().name, records, texts, unfinished, pictures, read_references(folder))


def slots_of(studies: Sequence[StudyRuns]) -> Slots:
    """Objective → number of its colour and marker, for all studies of a page; those of the family have their own."""
    names = objectives_of([run for of in studies for run in of.records])
    own = {name: slot for slot, name in enumerate(FAMILY) if name in names}
    free = (slot for slot in count() if slot not in own.values())
    return {name: own[name] if name in own else next(free) for name in names}


def study_view(
    study: StudyRuns, number: int, slots: Slots, *, baseline: str | None, margin: float = MARGIN, share: int = 1
) -> StudyView:
    """A study as the page shows it."""
    groups = comparisons_of(study.records, study.references)
    try:
        tables = tables_of(groups, baseline=baseline, margin=margin)
    except UserError as error:
        raise UserError(f"{study.title}: {error}") from error
    most = EXAMPLES // (share * len(groups))
    baselines = {table.baseline for table in tables.values()}
    return StudyView(
        id=f"study-{number}",
        title=study.title,
        baseline=baselines.pop() if len(baselines) == 1 else "its baseline",
        answer=over_all(tables),
        objectives=objectives_of(study.records),
        cells=[
            _cell_view(group, f"study-{number}-{place}", tables[group.name], slots, study, most)
            for place, group in enumerate(groups)
        ],
        pictures=axis_pictures(groups, tables, slots),
        unfinished=study.unfinished,
    )


def _cell_view(
    group: Comparison,
    name: str,
    table: ComparisonTable,
    slots: Slots,
    study: StudyRuns,
    most: int,
) -> CellView:
    order, verdict = [row.objective for row in table.rows], verdict_of(table)
    return CellView(
        id=name,
        name=group.name,
        question=_question(table, group),
        headline=verdict.headline,
        chip=(verdict.finding.replace(" ", "-"), chip_of(verdict)),
        answer=in_words(table),
        about=_about(table),
        table=table,
        measures=other_measures(group.records, table),
        evidence=evidence_of(group.records, table),
        scores=score_pictures(table, slots),
        curves=[*training_pictures(group.records, order, slots), *inference_pictures(group.records, order, slots)],
        examples=disagreements(group.records, table, study.texts, most=most),
        embeddings=embeddings_of(group, study.embeddings),
        settings=_settings(group.records, order),
    )


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
        f"{selected}; Δ is the difference from {table.baseline} over the {table.units} that both have, with its 95 % "
        "interval."
    )


def _settings(records: Sequence[RunRecord], order: Sequence[str]) -> Settings:
    runs = {name: [run for run in records if run.name == name] for name in order}
    data = [run.data for run in records]
    parts = []
    for name in dict.fromkeys(name for of in data for name in of.get("splits", {})):
        found = [of["splits"][name] for of in data if name in of.get("splits", {})]
        examples, fingerprint = (joined(part.get(key) for part in found) for key in ("examples", "sha256"))
        parts.append((name, examples, fingerprint))
    return Settings(
        facts=facts_of({name: values_of([run.settings for run in of]) for name, of in runs.items()}),
        parts=parts,
        notes=list(dict.fromkeys(note for of in data for note in of.get("notes") or [])),
        environment=values_of([run.environment for run in records]),
        commands={name: command_of(of) for name, of in runs.items()},
        continued=any(run.settings.get("then") for run in records),
    )
