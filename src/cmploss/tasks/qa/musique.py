"""MuSiQue: questions over paragraphs with the flag ``is_supporting``.

References: Trivedi et al. 2022 (arXiv 2108.00573).
"""

from pathlib import Path

from cmploss.tasks.qa.hotpotqa import flagged_paragraph
from cmploss.tasks.qa.json_nodes import Node, read_objects
from cmploss.tasks.qa.questions import Question, checked, targets


def read_musique(path: Path, *, labelled: bool = True) -> list[Question]:
    """Read objects with ``id``, ``question``, ``paragraphs``, ``answer`` and, optionally, ``answer_aliases``.

    The answers are the answer and its aliases, none where ``answerable`` is false. The training targets are found by
    :func:`cmploss.tasks.qa.questions.targets`. The decomposition of a question is not read.
    """
    return checked((_question(node, labelled) for node in read_objects(path)), str(path))


def _question(node: Node, labelled: bool) -> Question:
    segments = tuple(flagged_paragraph(paragraph, labelled) for paragraph in node["paragraphs"].items())
    answers = _answers(node) if labelled else ()
    spans = targets(segments, answers)
    return Question(node["id"].text(), node["question"].text(), segments, answers, spans, place=node.place)


def _answers(node: Node) -> tuple[str, ...]:
    answerable, aliases = node.get("answerable"), node.get("answer_aliases")
    if answerable is not None and not answerable.boolean():
        return ()
    others = [] if aliases is None else [alias.text() for alias in aliases.items()]
    return tuple(dict.fromkeys([node["answer"].text(), *others]))
