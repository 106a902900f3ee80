"""HotpotQA with distractors: the original JSON, and objects with ``question_text`` and ``contexts``.

References: Yang et al. 2018 (arXiv 1809.09600).
"""

from collections.abc import Iterator
from pathlib import Path

from cmploss.tasks.data_tables import shown
from cmploss.tasks.qa.json_nodes import Node, read_objects
from cmploss.tasks.qa.questions import Question, Segment, checked, targets


def read_hotpotqa(path: Path, *, labelled: bool = True) -> list[Question]:
    """Read questions with their paragraphs; the fields of each object decide which of the two formats it has.

    A paragraph is evidence if a supporting fact names it. The training targets are found by
    :func:`cmploss.tasks.qa.questions.targets`; a question may have none.
    """
    return checked((_question(node, labelled) for node in read_objects(path)), str(path))


def _question(node: Node, labelled: bool) -> Question:
    other_form = node.get("question_text") is not None
    name, question = (node["question_id"], node["question_text"]) if other_form else (node["_id"], node["question"])
    segments = (
        tuple(flagged_paragraph(context, labelled) for context in node["contexts"].items())
        if other_form
        else tuple(_paragraphs(node, labelled))
    )
    answers = (_answers(node) if other_form else (node["answer"].text(),)) if labelled else ()
    return Question(name.text(), question.text(), segments, answers, targets(segments, answers), place=node.place)


def _paragraphs(node: Node, labelled: bool) -> Iterator[Segment]:
    paragraphs = [paragraph.pair() for paragraph in node["context"].items()]
    gold: set[str] = set()
    for fact in node["supporting_facts"].items() if labelled else ():
        title, _ = fact.pair()
        gold.add(title.string())
        if all(other.value != title.value for other, _ in paragraphs):
            raise title.fault(f"{shown(title.value)} is not the title of a paragraph in context")
    for title, sentences in paragraphs:
        text = ""  # sentences begin with their space, but not in files that are made like these
        for sentence in (each.string() for each in sentences.items()):
            glued = text and sentence and not text[-1].isspace() and not sentence[0].isspace()
            text += f" {sentence}" if glued else sentence
        yield Segment(text, title.string(), title.value in gold if labelled else None)


def flagged_paragraph(node: Node, labelled: bool) -> Segment:
    """A paragraph with the fields ``title``, ``paragraph_text`` and ``is_supporting``."""
    text, title = node["paragraph_text"].string(), node["title"].string()
    return Segment(text, title, node["is_supporting"].boolean() if labelled else None)


def _answers(node: Node) -> tuple[str, ...]:
    answers = node["answers_objects"]
    spans = tuple(span.text() for answer in answers.items() for span in answer["spans"].items())
    if not spans:
        raise answers.fault("has no spans; only answers that are spans, yes or no can be learned")
    return spans
