"""Queries with passages and their relevance, from tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cmploss.errors import UserError
from cmploss.retrieval.trec_files import Qrels
from cmploss.tasks.data_config import DataConfig
from cmploss.tasks.data_tables import Table, listed, shown
from cmploss.tasks.text.columns import first_column, require
from cmploss.tasks.text.labelled_texts import checked_texts, present

QUERY_NAMES = ("query", "question", "claim")
PASSAGE_NAMES = ("passage", "text", "document")
LABEL_NAMES = ("label", "relevance", "grade")
QUERY_ID_NAMES = ("query_id", "qid")
PASSAGE_ID_NAMES = ("passage_id", "pid", "doc_id", "docid")
RELEVANT = "relevant"


@dataclass(frozen=True)
class Judged:
    """A query, a passage and its grade; a grade above 0 is relevant. Passages with one query id are ranked together."""

    query: str
    passage: str
    query_id: str
    passage_id: str
    grade: int = 0

    @property
    def shown(self) -> tuple[str, str]:
        return self.query, self.passage


def read_judged(
    table: Table, config: DataConfig, known: Sequence[str] | None, labelled: bool = True
) -> tuple[Judged, ...]:
    """Queries and passages. Without ids, equal queries are one query, and passages have the numbers of their rows.

    Args:
        table: The rows.
        config: The columns of query and passage, joined by a comma, and of the label.
        known: Not needed.
        labelled: Whether grades are read.
    """
    names = config.text_column.split(",") if config.text_column else [first_column(table, QUERY_NAMES)]
    names = names if config.text_column else [*names, first_column(table, PASSAGE_NAMES)]
    if len(names) != 2 or not all(names):
        raise UserError(
            f"{table.source}: no columns have common names for a query and a passage among "
            f"{listed(list(table.columns))}; set --text_column, as in query,passage"
        )
    label = config.label_column or first_column(table, LABEL_NAMES) or LABEL_NAMES[0]
    require(table, [*names, *([label] if labelled else [])])
    queries, passages = (checked_texts(table, name) for name in names)
    numbers = {query: str(number) for number, query in enumerate(dict.fromkeys(queries), 1)}
    query_ids = _ids(table, QUERY_ID_NAMES) or [numbers[query] for query in queries]
    passage_ids = _ids(table, PASSAGE_ID_NAMES) or [str(number) for number in table.numbers]
    grades = [_grade(table, row, label) if labelled else 0 for row in range(len(table.numbers))]
    found = tuple(map(Judged, queries, passages, query_ids, passage_ids, grades))
    _check(table, found)
    return found


def judged_names(examples: Sequence[Judged], source: str) -> tuple[str, ...]:
    """The name of what is predicted; refuses data from which nothing can be learned."""
    relevant = sum(example.grade > 0 for example in examples)
    if relevant in (0, len(examples)):
        kind = "relevant" if relevant == 0 else "irrelevant"
        raise UserError(f"{source}: has no {kind} passage; give passages of both kinds")
    return (RELEVANT,)


def query_of(example: Judged) -> str:
    return example.query_id


def qrels_of(examples: Sequence[Judged]) -> Qrels:
    """The grades of the queries that have a relevant passage; all rankings of the others are equally good."""
    found: Qrels = {}
    for example in examples:
        found.setdefault(example.query_id, {})[example.passage_id] = example.grade
    return {query: grades for query, grades in found.items() if max(grades.values()) > 0}


def unscored_queries(examples: Sequence[Judged], data: str) -> list[str]:
    """A note on queries without a relevant passage; refuses data in which all are."""
    queries, scored = len({example.query_id for example in examples}), len(qrels_of(examples))
    if not scored:
        raise UserError(f"{data} has no query with a relevant passage, so that nothing is scored; add such queries")
    if scored == queries:
        return []
    return [f"{queries - scored} of {queries} queries of {data} have no relevant passage; scores leave them out."]


def _ids(table: Table, names: Sequence[str]) -> list[str]:
    """The ids in the first of these columns that exists; [] if there is none."""
    column = first_column(table, names)
    if not column:
        return []
    require(table, [column])
    ids = [str(value) for value in present(table, column, "id is empty")]
    for row, id in enumerate(ids):
        if len(id.split()) != 1:
            raise table.fault(row, column, f"the id {shown(id)} has white space, which a run in TREC form cannot have")
    return ids


def _grade(table: Table, row: int, column: str) -> int:
    value: Any = table.columns[column][row]
    text = str(value)
    if isinstance(value, float) and value.is_integer():
        text = str(int(value))
    if isinstance(value, bool) or not text.isdecimal() or len(text) > 9:
        message = f"the grade {shown(value)} is not a whole number from 0; write 0 for irrelevant, and 1 or more else"
        raise table.fault(row, column, message)
    return int(text)


def _check(table: Table, examples: Sequence[Judged]) -> None:
    seen: dict[tuple[str, str], int] = {}
    texts: dict[str, str] = {}
    for row, example in enumerate(examples):
        key = example.query_id, example.passage_id
        if key in seen:
            first = table.numbers[seen[key]]
            message = f"query {key[0]!r} has passage {key[1]!r} in {table.unit} {first} too; give it once"
            raise table.fault(row, first_column(table, PASSAGE_ID_NAMES), message)
        seen[key] = row
        if texts.setdefault(example.query_id, example.query) != example.query:
            column = first_column(table, QUERY_ID_NAMES)
            raise table.fault(row, column, f"query {example.query_id!r} has another text before; give it one text")
