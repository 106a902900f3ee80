"""Reading and writing judgements and runs in the file formats of IR tools.

ir_measures reads TREC files too; these readers also check every line, name it in errors, and support other formats.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from cmploss.atomic import write_text
from cmploss.choices import check_option
from cmploss.errors import UserError
from cmploss.retrieval.corpus import Texts, numbered_lines

Qrels = dict[str, dict[str, int]]
"""Query -> document -> grade; above 0 is relevant."""
Run = dict[str, dict[str, float]]
"""Query -> document -> score, higher is better."""

HEADERS = (["query-id", "corpus-id", "score"], ["query_id", "doc_id", "score"], ["qid", "docid", "score"])
"""First lines of BEIR, and of files like it."""
QrelsForm = Literal["auto", "grades", "cranfield", "pairs"]
RunForm = Literal["trec", "ranks"]
LARGEST_GRADE = 10_000  # trec_eval keeps a counter for every grade
GRADE_OF_CODE = {"-1": 5, "1": 4, "2": 3, "3": 2, "4": 1, "5": 0}
"""Codes of Cranfield's judgements, from 1 (a complete answer) to 5 (none); −1 is the question's source."""


def read_qrels(path: str | Path, form: QrelsForm = "auto") -> Qrels:
    """Read judgements.

    Args:
        path: The file; it may be gzipped.
        form: ``auto`` is TREC (``query 0 document grade``), or BEIR, which has a header line. The others have no header
            and must be named: ``grades`` (``query document grade``), ``cranfield`` (``query document code``, where 1 is
            the best code and becomes grade 4) and ``pairs`` (``query document``; more columns must be 0, as in SMART
            files, and every line is grade 1).

    Raises:
        UserError: Names the line; also if a file without header has three columns, or zeros in place of documents.
    """
    check_option("qrels_form", form, get_args(QrelsForm))
    qrels: Qrels = {}
    expected = COLUMNS[form]
    for line, content in numbered_lines(Path(path)):
        fields, place = content.split(), f"{path}, line {line}"
        if line == 1 and form == "auto" and fields in HEADERS:
            expected = fields
            continue
        if form == "pairs" and all(map(_is_zero, fields[2:])):
            fields = [*fields[:2], "1"]
        if len(fields) == 3 and expected is COLUMNS["auto"]:
            raise UserError(
                f"{place}: 3 columns without the header {' '.join(HEADERS[0])}; give --qrels_form grades if the third "
                "is a grade, where more is better, or cranfield if it is a code, where 1 is best"
            )
        if len(fields) != len(expected):
            raise UserError(f"{place}: expected the columns {', '.join(expected)}, found {len(fields)}")
        query, document, grade = fields[0], fields[-2], fields[-1]
        if len(fields) == 4 and _is_zero(document) and _is_zero(grade) and fields[1] not in ("0", "Q0"):
            raise UserError(f"{place}: has 0 in place of the document and the grade; give --qrels_form pairs")
        try:
            value = GRADE_OF_CODE[grade] if form == "cranfield" else int(grade)
            if abs(value) > LARGEST_GRADE:
                raise ValueError
        except (ValueError, KeyError) as error:
            kind = "a code of 1 to 5 or −1" if form == "cranfield" else "a whole number"
            raise UserError(f"{place}: invalid grade {grade[:40]!r}, expected {kind}") from error
        _add(qrels, query, document, value, place)
    return qrels


COLUMNS: dict[str, Sequence[str]] = {
    "auto": ("query", "0", "document", "grade"),
    "grades": ("query", "document", "grade"),
    "cranfield": ("query", "document", "code"),
    "pairs": ("query", "document", "0 …"),
}


def write_qrels(qrels: Qrels, path: str | Path) -> None:
    """Write judgements in TREC form, atomically."""
    _write(Path(path), qrels, lambda query, document, rank, grade: f"{query} 0 {document} {grade}")


def read_run(path: str | Path, form: RunForm = "trec") -> Run:
    """Read a run of any tool; it may be gzipped.

    ``trec`` is ``query Q0 document rank score tag``, in which the scores decide the order, not the ranks. ``ranks`` is
    ``query document rank``, as of MS MARCO; the score is then 1/rank.
    """
    check_option("run_form", form, get_args(RunForm))
    columns, document_at, score_at = RUN_COLUMNS[form]
    run: Run = {}
    for line, content in numbered_lines(Path(path)):
        fields, place = content.split(), f"{path}, line {line}"
        if len(fields) != len(columns):
            other = "; give --run_form ranks if it has query, document, rank" if len(fields) == 3 else ""
            raise UserError(
                f"{place}: expected {len(columns)} columns ({', '.join(columns)}), found {len(fields)}{other}"
            )
        text = fields[score_at]
        try:
            value = float(text) if form == "trec" else 1 / max(int(text), 0)
        except (ValueError, ZeroDivisionError):
            value = math.nan
        if not math.isfinite(value):
            kind = f"invalid {columns[score_at]} {text[:40]!r} (column {score_at + 1})"
            raise UserError(f"{place}: {kind}, expected a {'' if form == 'trec' else 'whole '}number")
        _add(run, fields[0], fields[document_at], value, place)
    return run


RUN_COLUMNS: dict[str, tuple[Sequence[str], int, int]] = {
    "trec": (("query", "Q0", "document", "rank", "score", "tag"), 2, 4),
    "ranks": (("query", "document", "rank"), 1, 2),
}
"""Form -> its columns, and which are the document and the score."""


def write_run(run: Run, path: str | Path, tag: str = "cmploss") -> None:
    """Write a run in TREC form, atomically, with every digit of the scores: reading gives the same run.

    White space in ``tag`` becomes ``_``, because it divides columns.
    """
    name = "_".join(tag.split())
    _write(Path(path), run, lambda query, document, rank, score: f"{query} Q0 {document} {rank} {score!r} {name}")


def best_first(scores: Mapping[str, float]) -> list[str]:
    """Documents by score, and equal scores by descending id, as in trec_eval."""
    return sorted(scores, key=lambda name: (scores[name], name), reverse=True)


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


def _is_zero(text: str) -> bool:
    return bool(re.fullmatch(r"0+(\.0*)?", text))


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
