"""Published texts with labels, as tables with the columns ``text``, or ``text1`` and ``text2``, and ``label``."""

import csv
import json
import random
from collections.abc import Callable, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

INTENTS = 10
Rows = list[tuple[str, ...]]
"""One or two texts, and the label."""


def labelled_lines(path: Path) -> Rows:
    """Lines in Latin-1 of a label and a text: TREC (of ``LABEL:sub`` the coarse label) and rt-polarity."""
    lines = path.read_text(encoding="latin-1").split("\n")
    pairs = [line.split(maxsplit=1) for line in lines if line.strip()]
    return [(text.strip(), label.partition(":")[0]) for label, text in pairs]


def banking77(path: Path) -> Rows:
    """Texts and intents."""
    with path.open(encoding="utf-8", newline="") as file:
        return [(row["text"], row["category"]) for row in csv.DictReader(file)]


def ten_intents(path: Path) -> Rows:
    """The first ten intents of banking77, by name."""
    rows = banking77(path)
    kept = sorted({label for _, label in rows}, key=str.casefold)[:INTENTS]
    return [row for row in rows if row[1] in kept]


def reviews(path: Path) -> Rows:
    """Quoted reviews and labels, separated by tabs: amazon_electronics."""
    with path.open(encoding="utf-8", newline="") as file:
        return [(row["sentence"], row["label"]) for row in csv.DictReader(file, delimiter="\t")]


def qnli(path: Path) -> Rows:
    """GLUE's QNLI: index, question, sentence, label."""
    lines = path.read_text(encoding="utf-8").splitlines()[1:]
    fields = (line.split("\t") for line in lines)
    return [(question, sentence, label) for _, question, sentence, label in fields]


def mnli(path: Path) -> Rows:
    """MNLI as JSON lines."""
    rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [(row["premise"], row["hypothesis"], row["label"]) for row in rows]


def qqp(path: Path) -> Rows:
    """GLUE's QQP without a header: three ids, two questions, label. Lines of other lengths are left out."""
    fields = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines())
    return [(row[3], row[4], row[5]) for row in fields if len(row) == 6]


READERS: Mapping[str, Callable[[Path], Rows]] = {
    "trec": labelled_lines,
    "rt_polarity": labelled_lines,
    "banking77": ten_intents,
    "banking77_all": banking77,
    "amazon_electronics": reviews,
    "qnli": qnli,
    "mnli": mnli,
    "qqp": qqp,
}


def text_tables(name: str, files: Sequence[Path]) -> dict[str, str]:
    """Ending of the file name → content, of one published file or two."""
    read = [READERS[name](path) for path in files]
    if len(read) == 1:
        distinct = list({row[:-1]: row for row in reversed(read[0])}.values())
        splits = divided(distinct)
    else:
        splits = dict(zip(("", "_test"), read, strict=True))
    return {f"{ending}.csv": table_text(rows) for ending, rows in splits.items()}


def table_text(rows: Sequence[tuple[str, ...]]) -> str:
    """A table in CSV."""
    file = StringIO(newline="")
    header = ["text", "label"] if len(rows[0]) == 2 else ["text1", "text2", "label"]
    csv.writer(file).writerows([header, *rows])
    return file.getvalue()


def divided(items: Sequence[Any]) -> dict[str, list[Any]]:
    """Ending of the file name → a split: the test (a third, at most 2,000), validation (an eighth, at most 500)."""
    drawn = list(items)
    random.Random(0).shuffle(drawn)
    test = min(2_000, len(drawn) // 3)
    held_out = test + min(500, len(drawn) // 8)
    return {"": drawn[held_out:], "_validation": drawn[test:held_out], "_test": drawn[:test]}
