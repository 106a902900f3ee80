"""The questions of the study in docs/rag.md, from two files of HotpotQA.

python benchmarks/rag_data.py dev_500.jsonl dev_200.jsonl runs/rag/data

A passage is the first 12 words of a paragraph. Questions stay that have two passages of evidence and eight others,
and whose answer is a span of the evidence. The last 100 are the test split, with eight distractors each, and the
eight before them the validation split; those and the training questions have three distractors.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cmploss.atomic import write_text
from cmploss.tasks.qa import Question, read_questions

WORDS, PASSAGES, EVIDENCE, TEST, VALIDATION = 12, 10, 2, 100, 8
Row = dict[str, Any]


def shortened(questions: Sequence[Question]) -> Iterator[Row]:
    """The questions that can be answered from the first words of their evidence."""
    for asked in questions:
        texts = [" ".join(segment.text.split()[:WORDS]) for segment in asked.segments]
        segments = [
            {"text": text, "evidence": segment.evidence} for text, segment in zip(texts, asked.segments, strict=True)
        ]
        evidence = [text.casefold() for text, segment in zip(texts, asked.segments, strict=True) if segment.evidence]
        answer = asked.answers[0]
        span = answer not in ("yes", "no") and any(answer.casefold() in text for text in evidence)
        if span and (len(segments), len(evidence)) == (PASSAGES, EVIDENCE):
            yield {"id": asked.id, "question": asked.text, "segments": segments, "answers": [answer]}


def splits(rows: Sequence[Row]) -> dict[str, Sequence[Row]]:
    """Name of a file → its questions, with as many distractors as it has."""
    few = [_with(row, 3) for row in rows[:-TEST]]
    return {"train": few[:-VALIDATION], "validation": few[-VALIDATION:], "test": rows[-TEST:]}


def _with(row: Row, distractors: int) -> Row:
    out = [segment for segment in row["segments"] if not segment["evidence"]][distractors:]
    return {**row, "segments": [segment for segment in row["segments"] if segment not in out]}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", type=Path, nargs="+", help="files of HotpotQA; equal ids count once")
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    found = {row["id"]: row for path in given.files for row in shortened(read_questions(path))}
    for name, rows in splits(list(found.values())).items():
        write_text(given.folder / f"{name}.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
