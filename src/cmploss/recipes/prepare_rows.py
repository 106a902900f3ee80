"""Files for the tasks of ``recipes/tasks``, made from published data: several labels, tags, choices and reranking."""

import csv
import json
import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from cmploss.recipes.prepare_texts import divided, ten_intents
from cmploss.tasks.qa.questions import Question

CHOICES = 4
CANDIDATES = 10  # passages of a first search
NEGATIVES = 3  # irrelevant passages of a claim for training


def banking77_pairs(files: Sequence[Path]) -> dict[str, str]:
    """Two questions of the first ten intents in one text, with the intents of both; each question is in one pair."""
    found = {}
    for ending, path in zip((".csv", "_test.csv"), files, strict=True):
        rows = ten_intents(path)
        random.Random(0).shuffle(rows)
        pairs = zip(rows[::2], rows[1::2], strict=False)
        lines = [(f"{one} {other}", "|".join(sorted({first, second}))) for (one, first), (other, second) in pairs]
        file = StringIO(newline="")
        csv.writer(file).writerows([("text", "labels"), *lines])
        found[ending] = file.getvalue()
    return found


def hotpotqa_tags(files: Sequence[Path]) -> dict[str, str]:
    """Sentences of the passages that support an answer; the titles of all passages of the question are entities.

    These are not labels of people: a name that is no title there is not marked. A word in parentheses at the end of a
    title is left out.
    """
    found = {}
    for ending, questions in _divided(files).items():
        sentences = [lines for question in questions for lines in _tagged(question)]
        found[f"{ending}.conll"] = "\n".join(sentences)
    return found


def hotpotqa_titles(files: Sequence[Path]) -> dict[str, str]:
    """A question, the title of the first passage that supports its answer, and three titles that do not."""
    draw, found = random.Random(0), {}
    for ending, questions in _divided(files).items():
        rows = []
        for question in questions:
            right = next(str(segment.title) for segment in question.segments if segment.evidence)
            wrong = [str(segment.title) for segment in question.segments if not segment.evidence]
            if len(wrong) >= CHOICES - 1:
                choices = [right, *draw.sample(wrong, CHOICES - 1)]
                draw.shuffle(choices)
                rows.append({"question": question.text, "choices": choices, "answer": choices.index(right)})
        found[f"{ending}.jsonl"] = _json_lines(rows)
    return found


def scifact_rerank(files: Sequence[Path]) -> dict[str, str]:
    """For the test, the ten first passages of BM25 for each claim, in that order.

    For training, the relevant passages of a claim and three others of these ten, drawn at random (seed 0).

    Args:
        files: ``corpus.jsonl``, ``queries.jsonl``, and the judgements for training and for the test.
    """
    from cmploss.retrieval import bm25_run, read_qrels
    from cmploss.retrieval.corpus import read_documents, read_queries

    documents, queries = read_documents(files[0]), read_queries(files[1])
    texts, claims = (dict(zip(of.ids, of.texts, strict=True)) for of in (documents, queries))
    draw, found = random.Random(0), {}
    for ending, path in zip(("", "_test"), files[2:], strict=True):
        qrels = read_qrels(path)
        run = bm25_run(documents, queries.only(qrels), CANDIDATES)
        rows = []
        for query, grades in qrels.items():
            passages = list(run[query])
            relevant = [name for name, grade in grades.items() if grade > 0]
            others = [name for name in passages if name not in relevant]
            others = draw.sample(others, min(NEGATIVES, len(others)))
            for name in passages if ending else [*relevant, *others]:
                ids = {"query_id": query, "passage_id": name}
                rows.append({**ids, "query": claims[query], "passage": texts[name], "label": grades.get(name, 0)})
        found[f"{ending}.jsonl"] = _json_lines(rows)
    return found


MAKERS: Mapping[str, Callable[[Sequence[Path]], dict[str, str]]] = {
    "banking77_pairs": banking77_pairs,
    "hotpotqa_tags": hotpotqa_tags,
    "hotpotqa_titles": hotpotqa_titles,
    "scifact_rerank": scifact_rerank,
}
"""Name → its files: (published files) → ending of the file name → content."""


def _divided(files: Sequence[Path]) -> dict[str, list[Question]]:
    """All questions with evidence of these files once, in splits."""
    from cmploss.tasks.qa.hotpotqa import read_hotpotqa

    questions = {question.text: question for path in files for question in read_hotpotqa(path)}
    supported = [question for question in questions.values() if any(segment.evidence for segment in question.segments)]
    return divided(supported)


def _tagged(question: Question) -> Iterable[str]:
    titles = {_without_note(str(segment.title)) for segment in question.segments}
    names = sorted((_tokens(title) for title in titles if title), key=len, reverse=True)
    for segment in question.segments:
        for sentence in re.split(r"(?<=[.!?])\s+", segment.text) if segment.evidence else ():
            tokens = _tokens(sentence)
            if len(tokens) > 3:
                tags = _tags(tokens, names)
                yield "".join(f"{token} {tag}\n" for token, tag in zip(tokens, tags, strict=True))


def _tags(tokens: Sequence[str], names: Sequence[Sequence[str]]) -> list[str]:
    """The tags of a sentence: of names that overlap, the longest one is marked."""
    tags = ["O"] * len(tokens)
    for name in names:
        for start in range(len(tokens) - len(name) + 1):
            end = start + len(name)
            if list(tokens[start:end]) == list(name) and set(tags[start:end]) == {"O"}:
                tags[start:end] = ["B-TITLE", *["I-TITLE"] * (len(name) - 1)]
    return tags


def _tokens(text: str) -> list[str]:
    return re.findall(r"\w+|[^\w\s]", text)


def _without_note(title: str) -> str:
    return re.sub(r"\s*\([^()]*\)$", "", title)


def _json_lines(rows: Iterable[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
