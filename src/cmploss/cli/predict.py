"""Predict the labels of texts, with the probability of every class."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cmploss.cli.console import out, quiet_libraries
from cmploss.errors import UserError
from cmploss.models import load_classifier, load_tokenizer, longest_input
from cmploss.options import parse_arguments
from cmploss.studies import predict
from cmploss.studies.evaluation import label_names
from cmploss.tasks import encode, unlabelled_texts


@dataclass(frozen=True)
class PredictFlags:
    """What to predict, and where to.

    Attributes:
        model: Folder of a fine-tuned classifier.
        test_file: Texts: .csv, .tsv, .jsonl, .json or .parquet; labels are not needed and not read.
        text_column: Column of the text, or two joined by a comma.
        output_file: CSV file to write; it must not exist yet.
        max_length: Longest input in tokens; as in training by default.
        batch_size: Examples per batch.
    """

    model: str = ""
    test_file: str = ""
    text_column: str | None = None
    output_file: str = "predictions.csv"
    max_length: int | None = None
    batch_size: int = 64


USAGE = "--model FOLDER --test_file FILE [--output_file predictions.csv]"
SECTIONS = (PredictFlags,)
TRAINING = False


def run(argv: Sequence[str]) -> None:
    """Parse, check, predict and write."""
    quiet_libraries()
    flags = parse_arguments(argv, SECTIONS)[PredictFlags]
    for name in ("model", "test_file"):
        if not getattr(flags, name):
            raise UserError(f"--{name} is missing; usage: cmploss predict {USAGE}")
    output = Path(flags.output_file)
    if output.exists():
        raise UserError(f"--output_file {output} exists already; give another name")
    texts = unlabelled_texts(flags.test_file, flags.text_column)
    model, tokenizer = load_classifier(flags.model), load_tokenizer(flags.model)
    found = predict(
        model,
        tokenizer,
        encode(texts, tokenizer, flags.max_length or longest_input(tokenizer)),
        batch_size=flags.batch_size,
    )
    labels = label_names(model)
    predictions = [labels[index] for index in found.values] if labels else [f"{value:.6g}" for value in found.values]
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_name(output.name + ".part")
    with partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*texts.column_names, "prediction", *(f"p({label})" for label in labels)])
        for row, prediction, probabilities in zip(texts, predictions, found.probabilities, strict=True):
            writer.writerow([*row.values(), prediction, *(f"{value:.6f}" for value in probabilities)])
    partial.rename(output)
    out.print(f"{len(texts)} predictions written to {output}")
