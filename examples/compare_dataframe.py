"""Compare objectives on pandas DataFrames, read the table and load the best checkpoint.

python examples/compare_dataframe.py [MODEL]
"""

import sys
from importlib.resources import files

import pandas as pd
from transformers import pipeline

from cmploss.model_config import DEFAULT_MODEL
from cmploss.reports import in_words, markdown_table
from cmploss.studies import compare


def main(name: str = DEFAULT_MODEL) -> None:
    folder = files("cmploss") / "data" / "helpdesk"
    train, validation, test = (pd.read_csv(folder / f"{part}.csv") for part in ("train", "validation", "test"))
    study = compare(
        train,
        validation,
        test,
        model=name,
        pooling="head",  # a plain transformers checkpoint; the default model would give a cross-encoder
        objectives=["supervised", "no_dropout", "comparative"],
        seeds=2,  # five or more for a test
        max_steps=16,
        learning_rate=1e-4,
        output_dir="runs/compare_dataframe",
    )
    table = study.table()
    print(markdown_table(table))
    print(in_words(table))

    classify = pipeline("text-classification", model=str(study.folder / "best"))
    text = "I was charged twice this month, what happened?"
    print(f"{text} -> {classify(text)[0]['label']}")


if __name__ == "__main__":
    main(*sys.argv[1:])
