"""Files of questions: the format is recognised by the content."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cmploss.errors import UserError
from cmploss.tasks.data_tables import listed, shown
from cmploss.tasks.qa.hotpotqa import read_hotpotqa
from cmploss.tasks.qa.json_nodes import Node, check_names, located, read_document, read_objects
from cmploss.tasks.qa.musique import read_musique
from cmploss.tasks.qa.questions import Question, Segment, Span, checked, targets, text_number
from cmploss.tasks.qa.squad import read_squad, squad_rows
from cmploss.tasks.text.table_files import read_table, read_text

TABLES = (".csv", ".tsv", ".parquet")


def read_questions(path: Path, *, labelled: bool = True) -> list[Question]:
    """Read a file of questions; the format is recognised by the content.

    Args:
        path: SQuAD in its original JSON, a table or lines in the hub's format, either format of HotpotQA, MuSiQue, or
            objects with ``segments``; objects are in one JSON list or one per line.
        labelled: Whether answers and evidence are read; if not, they may be missing.

    Raises:
        UserError: If the file has another format, or a field is missing or faulty; names the place.
    """
    if has_rows(path):
        return squad_rows(read_table(path), labelled=labelled)
    found = _first_object(path)
    for key, read in KEYS.items():
        if key in found:
            return read(path, labelled=labelled)
    raise UserError(
        f"{path}: its first object has {listed(list(found)) or 'nothing'}, but none of {listed(list(KEYS))}; give "
        "the JSON of SQuAD, HotpotQA or MuSiQue, or objects with segments"
    )


def has_rows(path: Path) -> bool:
    """Whether a file of questions is a table, or lines, of the hub's form of SQuAD."""
    return path.suffix.lower() in TABLES or isinstance(_first_object(path).get("context"), str)


def read_segments(path: Path, *, labelled: bool = True) -> list[Question]:
    """Read objects of the form ``{"id", "question", "segments": [{"text"}], "answers": [{"text"}]}``.

    Without an ``id``, it is the number of the question from 1, and a hash of its texts. A segment may have a ``title``
    and the flag ``evidence``. An answer is such an object or a string; it may have a place: the number of its
    ``segment``, from 0, and ``start``, its first character in the segment's text. Otherwise its training targets are
    found by :func:`cmploss.tasks.qa.questions.targets`. An empty list of answers means that the question has none.
    Other fields are refused.
    """
    nodes = enumerate(read_objects(path), 1)
    return checked((_question(node, number, labelled) for number, node in nodes), str(path))


KEYS = {
    "data": read_squad,
    "segments": read_segments,
    "contexts": read_hotpotqa,
    "context": read_hotpotqa,
    "paragraphs": read_musique,
}
"""A field that only one format has -> the reader of this format."""


def _first_object(path: Path) -> dict[str, Any]:
    """The document itself, or the first object of a list or of lines."""
    text = read_text(path).strip()
    try:
        found, _ = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        found = read_document(path).value  # which names the place of the fault
    if isinstance(found, list) and found:
        found = found[0]
    if not isinstance(found, dict):
        raise UserError(
            f"{path}: {shown(found)} is not an object with questions; give SQuAD's JSON, or a list of objects"
        )
    return found


FIELDS = ("id", "question", "segments", "answers")
SEGMENT_FIELDS = ("text", "title", "evidence")
ANSWER_FIELDS = ("text", "segment", "start")
NEAR_NAMES = {
    "_id": "id",
    "question_id": "id",
    "question_text": "question",
    "answer": "answers",
    "answers_objects": "answers",
    "paragraphs": "segments",
    "passages": "segments",
    "contexts": "segments",
    "context": "segments",
    "paragraph_text": "text",
    "is_supporting": "evidence",
    "answer_start": "start",
    "passage": "segment",
}
"""Fields of other forms -> ours; other near names are found by their letters."""
EXAMPLE = '{"text": "France"}, or {"text": "France", "segment": 0, "start": 12}'


def _question(node: Node, number: int, labelled: bool) -> Question:
    check_names(node, FIELDS, NEAR_NAMES)
    segments = tuple(_segment(segment) for segment in node["segments"].items())
    answers = [_answer(answer) for answer in node["answers"].items()] if labelled else []
    id, text = node.get("id"), node["question"].text()
    spans = [span for answer in answers for span in _targets(answer, segments)]
    return Question(
        id=_id(number, text, segments) if id is None else id.text(),
        text=text,
        segments=segments,
        answers=tuple(answer["text"].text() for answer in answers),
        spans=tuple(dict.fromkeys(spans)),
        place=node.place,
    )


def _id(number: int, text: str, segments: Sequence[Segment]) -> str:
    """An id that questions of two files share only if they are the same."""
    digest = hashlib.sha256(json.dumps([text, *(segment.titled for segment in segments)]).encode()).hexdigest()
    return f"{number}-{digest[:8]}"


def _answer(node: Node) -> Node:
    if isinstance(node.value, str):
        return replace(node, value={"text": node.value})
    if not isinstance(node.value, dict):
        raise node.fault(f"{shown(node.value)} is neither a string nor an object; write {EXAMPLE}")
    return check_names(node, ANSWER_FIELDS, NEAR_NAMES)


def _segment(node: Node) -> Segment:
    check_names(node, SEGMENT_FIELDS, NEAR_NAMES)
    title, evidence = node.get("title"), node.get("evidence")
    return Segment(
        node["text"].string(),
        None if title is None else title.string(),
        None if evidence is None else evidence.boolean(),
    )


def _targets(answer: Node, segments: Sequence[Segment]) -> Sequence[Span]:
    text, segment, start = answer["text"], answer.get("segment"), answer.get("start")
    if segment is None:
        if start is not None:
            raise start.fault("needs the field segment: the number of the segment in which the answer starts")
        return targets(segments, [text.text()])
    number = segment.integer()
    if not 0 <= number < len(segments):
        raise segment.fault(f"must be from 0 to {len(segments) - 1}, got {number}")
    if segments[number].evidence is False:
        raise segment.fault(f"segments[{number}].evidence is false; an answer must be in evidence")
    if start is not None:
        return [located(text, start, segments[number].text, text_number(number))]
    found = targets([replace(other, evidence=i == number) for i, other in enumerate(segments)], [text.text()])
    if not found:
        raise text.fault(f"does not occur in segments[{number}]; give a text that does, or leave the segment out")
    return found
