"""Reading and writing judgements and runs in the file formats of IR tools.

ir_measures reads TREC files too; these readers also check every line, name it in errors, and support other formats.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from cmploss.atomic import write_text
from cmploss.errors import UserError
from cmploss.retrieval.corpus import Texts, numbered_lines

Qrels = dict[str, dict[str, int]]
"""Query -> document -> grade; above 0 is relevant."""
Run = dict[str, dict[str, float]]
"""Query -> document -> score, higher is better."""

BEIR_HEADER = ["query-id", "corpus-id", "score"]
GRADE_OF_CODE = {"-1": 5, "1": 4, "2": 3, "3": 2, "4": 1, "5": 0}
"""SMART's Cranfield judgements grade from 1 (a complete answer) to 5 (none); −1 is the question's source."""


def read_qrels(path: str | Path) -> Qrels:
    """Read judgements: TREC ``query 0 document grade``, BEIR with its header line, or SMART ``query document code``.

    SMART codes (1 is best) become grades (4 is best), as in the corrected TREC form of Cranfield.
    """
    qrels: Qrels = {}
    beir = False
    for line, content in numbered_lines(Path(path)):
        fields = content.split()
        if line == 1 and fields == BEIR_HEADER:
            beir = True
            continue
        if len(fields) not in ((3,) if beir else (3, 4)):
            expected = ", ".join(BEIR_HEADER) if beir else "query, 0, document, grade"
            raise UserError(f"{path}, line {line}: expected the columns {expected}, found {len(fields)}")
        query, document, grade = fields[0], fields[-2], fields[-1]
        try:
            value = int(grade) if beir or len(fields) == 4 else GRADE_OF_CODE[grade]
        except (ValueError, KeyError) as error:
            raise UserError(f"{path}, line {line}: invalid grade {grade!r}, expected a whole number") from error
        _add(qrels, query, document, value, f"{path}, line {line}")
    return qrels


def write_qrels(qrels: Qrels, path: str | Path) -> None:
    """Write judgements in TREC form, atomically."""
    _write(Path(path), qrels, lambda query, document, rank, grade: f"{query} 0 {document} {grade}")


def read_run(path: str | Path) -> Run:
    """Read a run of any tool in TREC form, ``query Q0 document rank score tag``; the scores decide the order."""
    run: Run = {}
    for line, content in numbered_lines(Path(path)):
        fields = content.split()
        if len(fields) != 6:
            columns = "query, Q0, document, rank, score, tag"
            raise UserError(f"{path}, line {line}: expected 6 columns ({columns}), found {len(fields)}")
        query, _, document, _, score, _ = fields
        try:
            value = float(score)
        except ValueError as error:
            raise UserError(f"{path}, line {line}: invalid score {score!r} (column 5), expected a number") from error
        _add(run, query, document, value, f"{path}, line {line}")
    return run


def write_run(run: Run, path: str | Path, tag: str = "cmploss") -> None:
    """Write a run in TREC form, atomically, with every digit of the scores: reading gives the same run."""
    _write(Path(path), run, lambda query, document, rank, score: f"{query} Q0 {document} {rank} {score!r} {tag}")


def check_qrels(qrels: Qrels, source: str, queries: Texts, documents: list[str], *, partial: bool = False) -> Qrels:
    """The judgements of a collection, whose queries and documents must all be known.

    Not every query needs a judgement. With ``partial``, only a part of the judged collection is needed: judgements of
    other documents are removed.
    """
    known_queries, known = set(queries.ids), set(documents)
    unknown = next((query for query in qrels if query not in known_queries), None)
    if unknown is not None:
        raise UserError(f"{source}: judges query {unknown!r}, which is not in {queries.source}; add the query")
    missing = {document for grades in qrels.values() for document in grades} - known
    if missing and not partial:
        raise UserError(
            f"{source}: judges {len(missing)} documents that the collection does not have, such as {min(missing)!r}; "
            "give its own judgements, or set --partial_collection true to leave them out"
        )
    return {
        query: {document: grade for document, grade in grades.items() if document in known}
        for query, grades in qrels.items()
    }


def _add(table: dict[str, dict[str, Any]], query: str, document: str, value: Any, place: str) -> None:
    row = table.setdefault(query, {})
    if document in row:
        raise UserError(f"{place}: document {document!r} occurs twice for query {query!r}; remove one of the lines")
    row[document] = value


def _write(path: Path, table: Qrels | Run, line: Callable[[str, str, int, Any], str]) -> None:
    lines = (
        line(query, document, rank, value) + "\n"
        for query, row in table.items()
        for rank, (document, value) in enumerate(row.items(), 1)
    )
    write_text(path, lines)
