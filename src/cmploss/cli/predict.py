"""Predict the labels of texts, with the probability of every class, or the answers to questions.

A question answering checkpoint writes the prediction file of SQuAD.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cmploss.cli.console import check_given, new_path, out
from cmploss.errors import UserError
from cmploss.options import parse_arguments


@dataclass(frozen=True)
class PredictFlags:
    """What to predict, and where to write.

    Attributes:
        model: Folder of a fine-tuned classifier or reader.
        test_file: Texts (.csv, .tsv, .jsonl, .json or .parquet) or questions (SQuAD, HotpotQA, or JSON lines with
            segments); labels and answers are ignored.
        text_column: Column of the text, or two joined by a comma; for a classifier.
        output_file: New file to write; by default predictions.csv, or predictions.json for question answering.
        null_odds_file: Second file to write, for question answering: question id, and null score − score of the best
            span.
        always_answer: For question answering, write the best span also where the reader gives no answer.
        escape_formulas: For a classifier, put ' before cells of text that a spreadsheet would read as formulas.
        max_length: Longest input in tokens; by default as in training.
        batch_size: Examples per batch; by default as many as suit the device and their length.
    """

    model: str = ""
    test_file: str = ""
    text_column: str | None = None
    output_file: str | None = None
    null_odds_file: str | None = None
    always_answer: bool = False
    escape_formulas: bool = False
    max_length: int | None = None
    batch_size: int | None = None


USAGE = "--model FOLDER --test_file FILE [--output_file FILE]"
SECTIONS = (PredictFlags,)


def run(argv: Sequence[str]) -> None:
    flags = parse_arguments(argv, SECTIONS)[PredictFlags]
    check_given(flags, ("model", "test_file"), f"predict {USAGE}")
    from cmploss.models import answers_questions

    reads = answers_questions(flags.model)
    for name in ("text_column", "escape_formulas"):
        if reads and getattr(flags, name):
            raise UserError(f"--{name} is for classifiers; {flags.model} answers questions, and writes JSON")
    for name in ("null_odds_file", "always_answer"):
        if not reads and getattr(flags, name):
            raise UserError(f"--{name} is for question answering; {flags.model} is a classifier")
    output = new_path("output_file", flags.output_file or f"predictions.{'json' if reads else 'csv'}")
    odds = new_path("null_odds_file", flags.null_odds_file) if flags.null_odds_file else None
    if odds == output:
        raise UserError(f"--null_odds_file {odds} is the --output_file; give another name")
    from cmploss.studies.prediction import write_answers, write_labels

    options: dict[str, Any] = {"max_length": flags.max_length, "batch_size": flags.batch_size}
    if reads:
        count = write_answers(flags.model, flags.test_file, output, odds, always=flags.always_answer, **options)
    else:
        options |= {"text_column": flags.text_column, "escape": flags.escape_formulas}
        count = write_labels(flags.model, flags.test_file, output, **options)
    out.print(f"{count} predictions written to {output}" + (f", null odds to {odds}" if odds else ""))
