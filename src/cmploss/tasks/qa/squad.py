"""SQuAD 1.1 and 2.0: the original JSON, the hub's form, and a variant with several paragraphs per question.

References: Rajpurkar et al. 2016 (arXiv 1606.05250), 2018 (arXiv 1806.03822).
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from cmploss.errors import UserError
from cmploss.tasks.data_tables import Table, table_of
from cmploss.tasks.qa.json_nodes import Node, located, read_document, rows_of
from cmploss.tasks.qa.questions import Question, Segment, checked, text_number, with_segments
from cmploss.tasks.splits import Split
from cmploss.tasks.text.sources import hub_splits

HUB_IDS: Mapping[str, str] = {"squad": "rajpurkar/squad", "squad_v2": "rajpurkar/squad_v2"}


def read_squad(path: Path, *, labelled: bool = True) -> list[Question]:
    """Read the original JSON; a question marked ``is_impossible`` has no answer."""
    return checked(_of_document(read_document(path), labelled), str(path))


def squad_rows(table: Table, *, labelled: bool = True) -> list[Question]:
    """Questions in the hub's form: columns ``id, title, context, question, answers{text, answer_start}``."""
    return checked((_of_row(row, labelled) for row in rows_of(table)), table.source)


def squad_from_hub(task: str) -> dict[Split, list[Question]]:
    """The splits ``train`` and ``validation`` of ``squad`` or ``squad_v2`` on the hub."""
    dataset = HUB_IDS[task]
    names: dict[Split, str] = {"train": "train", "validation": "validation"}
    found = hub_splits(
        f"--task {task}", (dataset,), names, "give the original JSON as --train_file and --validation_file"
    )
    return {split: squad_rows(table_of(rows, f"{dataset} {split}")) for split, rows in found.items()}


def with_distractors(questions: Sequence[Question], distractors: int, seed: int = 0) -> list[Question]:
    """Multi-paragraph SQuAD: each question's own paragraph among others of the same article, in random order.

    The own paragraph is the evidence. A distractor may contain the answer, but is never a training target. The draw
    depends on the seed, the question's id and the paragraphs of its article among ``questions``.
    """
    if distractors < 0:
        raise UserError(f"--distractors must be >= 0, got {distractors}")
    articles: dict[str | None, set[str]] = {}
    for question in questions:
        if distractors and question.group is None:
            raise question.fault("has no title; --distractors reads other paragraphs of the article with this title")
        articles.setdefault(question.group, set()).add(question.segments[0].text)
    paragraphs = {group: sorted(texts) for group, texts in articles.items()}
    return [_among(question, paragraphs[question.group], distractors, seed) for question in questions]


def _among(question: Question, paragraphs: Sequence[str], distractors: int, seed: int) -> Question:
    (own,) = question.segments
    digest = hashlib.sha256(f"{seed} {question.id}".encode()).digest()
    draw = np.random.RandomState(np.frombuffer(digest, np.uint32))  # its stream is the same in every version
    others = [text for text in paragraphs if text != own.text]
    chosen = [others[i] for i in draw.permutation(len(others))[:distractors]]
    segments = (replace(own, evidence=True), *(Segment(text, evidence=False) for text in chosen))
    order = draw.permutation(len(segments)).tolist()
    return with_segments(replace(question, segments=segments), order)


def _of_document(document: Node, labelled: bool) -> Iterator[Question]:
    for article in document["data"].items():
        title = article.get("title")
        for paragraph in article["paragraphs"].items():
            context = paragraph["context"].text()
            for qa in paragraph["qas"].items():
                yield _question(qa, context, _answers(qa) if labelled else [], title)


def _answers(qa: Node) -> list[tuple[Node, Node]]:
    given, impossible = qa["answers"], qa.get("is_impossible")
    if impossible is not None and impossible.boolean():
        return []
    answers = [(answer["text"], answer["answer_start"]) for answer in given.items()]
    if not answers:
        raise given.fault("is empty; give an answer, or set is_impossible to true")
    return answers


def _of_row(row: Node, labelled: bool) -> Question:
    answers = []
    if labelled:
        texts, starts = (list(row["answers"][name].items()) for name in ("text", "answer_start"))
        if len(texts) != len(starts):
            raise row["answers"].fault(f"has {len(texts)} texts but {len(starts)} starts; give one of each per answer")
        answers = list(zip(texts, starts, strict=True))
    return _question(row, row["context"].text(), answers, row.get("title"))


def _question(node: Node, context: str, answers: Sequence[tuple[Node, Node]], title: Node | None) -> Question:
    spans = [located(text, start, context, text_number(0)) for text, start in answers]
    return Question(
        id=node["id"].text(),
        text=node["question"].text(),
        segments=(Segment(context),),
        answers=tuple(text.value for text, _ in answers),
        spans=tuple(dict.fromkeys(spans)),
        group=None if title is None else title.string(),
        place=node.place,
    )
