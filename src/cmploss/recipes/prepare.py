"""Write published data as CSV files with a header, for the recipes in ``few_shot`` and ``evidence``.

python -m cmploss.recipes.prepare trec TREC.train.all TREC.test.all runs/data
python -m cmploss.recipes.prepare qnli dev.tsv runs/data

The published splits stay as they are. If there is one file, a third of its examples, at most 2,000, are the test split
(drawn with seed 0), and of equal texts only the first stays. Columns are ``text``, or ``text1`` and ``text2``, and
``label``.
"""

import argparse
import csv
import json
import random
from collections.abc import Callable, Mapping
from io import StringIO
from pathlib import Path

from cmploss.atomic import write_text

INTENTS = 10
MOST_TESTED = 2_000
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


def divided(rows: Rows) -> tuple[Rows, Rows]:
    """Training and test split of one file."""
    distinct = list({row[:-1]: row for row in reversed(rows)}.values())
    random.Random(0).shuffle(distinct)
    size = min(MOST_TESTED, len(distinct) // 3)
    return distinct[size:], distinct[:size]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=READERS)
    parser.add_argument("files", type=Path, nargs="+", help="the training and the test split, or one file")
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    for path in given.files:
        if not path.is_file():
            parser.error(f"{path} is no file; give the published file of {given.name}")
    read = [READERS[given.name](path) for path in given.files]
    for part, rows in zip(("", "_test"), read if len(read) > 1 else divided(read[0]), strict=True):
        file = StringIO(newline="")
        header = ["text", "label"] if len(rows[0]) == 2 else ["text1", "text2", "label"]
        csv.writer(file).writerows([header, *rows])
        write_text(given.folder / f"{given.name}{part}.csv", file.getvalue())
