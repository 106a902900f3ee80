"""The record of an evaluation of feedback: methods × numbers of passages on one collection, query by query."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cmploss.errors import UserError

FEEDBACK_FILE = "retrieval.json"
FEEDBACK_SCHEMA = 1
NO_FEEDBACK = "none"


@dataclass(frozen=True)
class Change:
    """What happens to the queries between two rows.

    Attributes:
        difference: Mean over queries, of scores that are averaged over seeds first.
        low: Lower end of its 95 % interval over queries, None where there is none.
        high: Upper end.
        p: Of the two-sided paired t test over queries, None where there is nothing to test.
        helped: Share of queries that gain, one number for each seed, or one.
        hurt: Share of queries that lose, likewise.
        p_holm: p corrected for all comparisons of its kind.
    """

    difference: float
    low: float | None
    high: float | None
    p: float | None
    helped: list[float]
    hurt: list[float]
    p_holm: float | None = None


@dataclass(frozen=True)
class FeedbackRow:
    """One method with one number of feedback passages.

    Attributes:
        method: ``none``, a method, or the run file of another tool.
        passages: Feedback passages; None for another tool's run.
        seeds: Those of the reformulators whose scores these are, [] for a method that is not trained.
        scores: Measure -> mean over queries, one number for each seed, or one.
        change: Measure -> against no feedback; None for the row without feedback.
        hurt_by_more: Share of queries whose primary measure falls from the next smaller number of passages of the
            method to this one, one number for each seed, or one; None without feedback.
        by_query: Measure -> value of each query, averaged over seeds.
    """

    method: str
    passages: int | None
    seeds: list[int]
    scores: dict[str, list[float]]
    change: dict[str, Change] | None
    hurt_by_more: list[float] | None
    by_query: dict[str, list[float]]


@dataclass(frozen=True)
class MoreFeedback:
    """A method with its largest number of passages against itself with fewer, in the primary measure.

    Attributes:
        method: Its name.
        fewer: The smallest number from 1, or 0 for a reformulator that reads the query alone.
        passages: The largest number.
        change: From the one to the other, corrected for all of this list.
    """

    method: str
    fewer: int
    passages: int
    change: Change


@dataclass(frozen=True)
class FeedbackRecord:
    """All that is known about one finished evaluation.

    Attributes:
        settings: What decides the numbers, in JSON types.
        data: ``documents``, ``queries`` (ids), ``texts`` of the queries, ``judgements``, and
            ``queries_without_judgements`` and ``…_relevant_documents``, which are left out.
        reformulators: Method -> ``runs`` (names of folders), ``seeds``, and ``settings`` of training without the seed.
        primary: The measure that shares and words are about, from 0 to 1, as all are.
        rows: The first is the one without feedback.
        more: What more feedback does.
        environment: What :func:`cmploss.experiment.environment` returned.
        command: The command, with paths as they were given.
        created: ISO 8601 time in UTC.
        schema: Version of this form.
    """

    settings: dict[str, Any]
    data: dict[str, Any]
    reformulators: dict[str, Any]
    primary: str
    rows: list[FeedbackRow]
    more: list[MoreFeedback]
    environment: dict[str, Any]
    command: str
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    schema: int = FEEDBACK_SCHEMA

    @property
    def measures(self) -> list[str]:
        """Names of the measures."""
        return list(self.rows[0].scores)


def read_feedback(path: str | Path) -> FeedbackRecord:
    """Read the record of an evaluation.

    Raises:
        UserError: The file cannot be read, is not JSON, has an unknown schema, or is not such a record.
    """
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not a readable JSON file ({error}); remove it and evaluate again") from error
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != FEEDBACK_SCHEMA:
        raise UserError(
            f"{path}: unknown schema {schema!r}, this version reads {FEEDBACK_SCHEMA}; remove the file and run "
            "the same retrieve evaluate again, which scores the runs that lie beside it"
        )
    try:
        return FeedbackRecord(
            **document
            | {
                "rows": [_row(row) for row in document["rows"]],
                "more": [MoreFeedback(**each | {"change": Change(**each["change"])}) for each in document["more"]],
            }
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: not the record of an evaluation ({error}); remove it and evaluate again") from error


def _row(row: dict[str, Any]) -> FeedbackRow:
    changes = row["change"]
    found = None if changes is None else {measure: Change(**each) for measure, each in changes.items()}
    return FeedbackRow(**row | {"change": found})
