"""JSON lines with ``segments``: questions over any list of texts, such as retrieved passages."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cmploss.tasks.qa.json_nodes import Node, located, read_objects
from cmploss.tasks.qa.questions import Question, Segment, Span, checked, targets, text_number


def read_segments(path: Path, *, labelled: bool = True) -> list[Question]:
    """Read objects of the form ``{"id", "question", "segments": [{"text"}], "answers": [{"text"}]}``.

    A segment may have a ``title`` and the flag ``evidence``. An answer may say where it stands: in which ``segment`` (a
    number from 0), and at which character of its text it has its ``start``. Otherwise its training targets are
    found by :func:`cmploss.tasks.qa.questions.targets`. An empty list of answers means that the question has none.
    """
    return checked((_question(node, labelled) for node in read_objects(path)), str(path))


def segment_of(node: Node, text: str, title: str | None, evidence: bool | None) -> Segment:
    if not text.strip() and not (title or "").strip():
        raise node.fault("the segment is empty; give it a text or remove it")
    return Segment(text, title, evidence)


def segments_of(node: Node, segments: Sequence[Segment]) -> tuple[Segment, ...]:
    if not segments:
        raise node.fault("is empty; give at least one segment")
    return tuple(segments)


def _question(node: Node, labelled: bool) -> Question:
    segments = segments_of(node["segments"], [_segment(segment) for segment in node["segments"].items()])
    answers = list(node["answers"].items()) if labelled else []
    spans = [span for answer in answers for span in _targets(answer, segments)]
    return Question(
        id=node["id"].text(),
        text=node["question"].text(),
        segments=segments,
        answers=tuple(answer["text"].text() for answer in answers),
        spans=tuple(dict.fromkeys(spans)),
        place=node.place,
    )


def _segment(node: Node) -> Segment:
    title, evidence = node.get("title"), node.get("evidence")
    return segment_of(
        node,
        node["text"].string(),
        None if title is None else title.string(),
        None if evidence is None else evidence.boolean(),
    )


def _targets(answer: Node, segments: Sequence[Segment]) -> Sequence[Span]:
    text, segment, start = answer["text"], answer.get("segment"), answer.get("start")
    if segment is None:
        if start is not None:
            raise start.fault("needs a segment next to it: the number of the one in which the answer starts")
        return targets(segments, [text.text()])
    number = segment.integer()
    if not 0 <= number < len(segments):
        raise segment.fault(f"must be from 0 to {len(segments) - 1}, got {number}")
    if segments[number].evidence is False:
        raise segment.fault(f"segments[{number}].evidence is false; an answer stands in evidence")
    if start is not None:
        return [located(text, start, segments[number].text, text_number(number))]
    found = targets([replace(other, evidence=i == number) for i, other in enumerate(segments)], [text.text()])
    if not found:
        raise text.fault(f"does not occur in segments[{number}]; give a text that does, or leave the segment out")
    return found
