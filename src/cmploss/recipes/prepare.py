"""Write published data as CSV files with a header, for the recipes in ``few_shot``.

python -m cmploss.recipes.prepare trec TREC.train.all TREC.test.all runs/data
python -m cmploss.recipes.prepare banking77 train.csv test.csv runs/data

A line of TREC is a label (of ``LABEL:sub`` the coarse one) and a question, in Latin-1. Of banking77, which is CSV
already (text, category), the first ten intents by name are kept.
"""

import argparse
import csv
from io import StringIO
from pathlib import Path

from cmploss.atomic import write_text

INTENTS = 10


def trec(path: Path) -> list[tuple[str, str]]:
    """Questions and their types."""
    lines = path.read_text(encoding="latin-1").splitlines()
    pairs = [line.split(maxsplit=1) for line in lines if line.strip()]
    return [(text.strip(), label.partition(":")[0]) for label, text in pairs]


def banking77(path: Path) -> list[tuple[str, str]]:
    """Texts and intents, the first ten of these."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [(row["text"], row["category"]) for row in csv.DictReader(file)]
    kept = sorted({label for _, label in rows}, key=str.casefold)[:INTENTS]
    return [row for row in rows if row[1] in kept]


READERS = {"trec": trec, "banking77": banking77}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=READERS)
    parser.add_argument("train", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    for path in (given.train, given.test):
        if not path.is_file():
            parser.error(f"{path} is no file; give the published file of {given.name}")
    for part, source in (("", given.train), ("_test", given.test)):
        file = StringIO(newline="")
        csv.writer(file).writerows([("text", "label"), *READERS[given.name](source)])
        write_text(given.folder / f"{given.name}{part}.csv", file.getvalue())
