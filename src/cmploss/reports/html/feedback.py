"""The page about evaluations of feedback: answer, table, figures, queries, settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cmploss.atomic import write_text
from cmploss.experiment import FeedbackRecord
from cmploss.reports.feedback import QUESTION, Cell, about, feedback_settings, feedback_table, feedback_words
from cmploss.reports.feedback.text import data_facts
from cmploss.reports.html.charts import Picture, Slots, csv_address
from cmploss.reports.html.context import EXAMPLES
from cmploss.reports.html.prf_pictures import (
    change_picture,
    fed_methods,
    gain_pictures,
    measure_pictures,
    share_pictures,
)
from cmploss.reports.html.render import render
from cmploss.reports.settings_diff import Facts, facts_of, values_of

_DECIMALS = 4


@dataclass(frozen=True)
class Queries:
    """What feedback does to single queries, averaged over seeds.

    Attributes:
        methods: Those that feed something back.
        passages: Their numbers of passages, one list for each.
        total: Queries of the evaluation.
        items: The queries that change most, in JSON types: ``n`` (id), ``text``, ``base`` (score without feedback),
            ``r`` (for each method its scores), ``change`` (for each method the change by the most passages).
    """

    methods: Sequence[str]
    passages: Sequence[Sequence[int]]
    total: int
    items: list[dict[str, Any]]

    @property
    def csv(self) -> str:
        """The scores as a ``data:`` address of a CSV file."""
        names = [f"{name}, k = {k}" for name, sizes in zip(self.methods, self.passages, strict=True) for k in sizes]
        rows = [
            [item["n"], item["text"], item["base"], *(score for of in item["r"] for score in of)] for item in self.items
        ]
        return csv_address([["query", "text", "no feedback", *names], *rows])


@dataclass(frozen=True)
class FeedbackView:
    """One evaluation on the page."""

    id: str
    title: str
    record: FeedbackRecord
    question: str
    answer: str
    more: Sequence[str]
    table: list[list[Cell]]
    about: str
    first: Sequence[Picture]
    curves: Sequence[Picture]
    gains: Sequence[Picture]
    queries: Queries
    trained: Facts
    settings: Mapping[str, str]
    data: Mapping[str, str]
    environment: Mapping[str, str]


def write_feedback_page(records: Mapping[str, FeedbackRecord], path: Path) -> None:
    """Write the page about one evaluation, or several below one another; an earlier one is replaced.

    Args:
        records: Title → record.
        path: Of the page.
    """
    write_text(path, feedback_page(records))


def feedback_page(records: Mapping[str, FeedbackRecord]) -> str:
    """The page as text; what a record says is escaped."""
    names = dict.fromkeys(row.method for record in records.values() for row in record.rows)
    slots = {name: slot for slot, name in enumerate(names)}
    views = [
        _view(f"evaluation-{number}", title, record, slots, EXAMPLES // len(records))
        for number, (title, record) in enumerate(records.items())
    ]
    heading = views[0].title if len(views) == 1 else f"{len(views)} evaluations of feedback"
    return render("feedback.html", slots, title=" · ".join(records), heading=heading, evaluations=views)


def _view(name: str, title: str, record: FeedbackRecord, slots: Slots, most: int) -> FeedbackView:
    primary, *others = measure_pictures(record, slots)
    change = change_picture(record, slots)
    answer, *more = feedback_words(record)
    return FeedbackView(
        id=name,
        title=title,
        record=record,
        question=QUESTION,
        answer=answer,
        more=more,
        table=feedback_table(record),
        about=about(record),
        first=[primary, *([change] if change else [])],
        curves=[*share_pictures(record, slots), *others],
        gains=gain_pictures(record, slots),
        queries=_queries(record, most),
        trained=facts_of(feedback_settings(record)),
        settings=values_of([record.settings]),
        data=values_of([data_facts(record)]),
        environment=values_of([record.environment]),
    )


def _queries(record: FeedbackRecord, most: int) -> Queries:
    series = fed_methods(record)
    scores = [[row.by_query[record.primary] for row in rows] for rows in series.values()]
    base = record.rows[0].by_query[record.primary]
    items = [
        {
            "n": query,
            "text": text,
            "base": round(base[place], _DECIMALS),
            "r": [[round(values[place], _DECIMALS) for values in of] for of in scores],
            "change": [round(of[-1][place] - base[place], _DECIMALS) for of in scores],
        }
        for place, (query, text) in enumerate(zip(record.data["queries"], record.data["texts"], strict=True))
    ]
    items.sort(key=lambda item: -max(map(abs, item["change"]), default=0))
    passages = [[row.passages or 0 for row in rows] for rows in series.values()]
    return Queries(list(series), passages, len(items), items[:most])
