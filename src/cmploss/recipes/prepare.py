"""Write published data as files for the recipes in ``few_shot``, ``evidence`` and ``tasks``.

python -m cmploss.recipes.prepare trec TREC.train.all TREC.test.all runs/data
python -m cmploss.recipes.prepare qnli dev.tsv runs/data
python -m cmploss.recipes.prepare hotpotqa_titles dev_500.jsonl dev_200.jsonl train_100.json runs/data
python -m cmploss.recipes.prepare scifact_rerank corpus.jsonl queries.jsonl qrels/train.tsv qrels/test.tsv runs/data

The published splits stay as they are. One file of texts is divided (seed 0): a third of its examples, at most 2,000,
is the test split, an eighth, at most 500, the validation split, and of equal texts only the first stays. Tables in CSV
have the columns ``text``, or ``text1`` and ``text2``, and ``label``. The questions of all files of HotpotQA are divided
in the same way.
"""

import argparse
from pathlib import Path

from cmploss.atomic import write_text
from cmploss.recipes.prepare_rows import MAKERS
from cmploss.recipes.prepare_texts import READERS, text_tables

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=[*READERS, *MAKERS])
    parser.add_argument("files", type=Path, nargs="+", help="the training and the test split, or one file")
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    for path in given.files:
        if not path.is_file():
            parser.error(f"{path} is no file; give the published file of {given.name}")
    made = MAKERS[given.name](given.files) if given.name in MAKERS else text_tables(given.name, given.files)
    for ending, content in made.items():
        write_text(given.folder / f"{given.name}{ending}", content)
