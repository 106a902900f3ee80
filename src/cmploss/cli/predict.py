"""Predict the labels of texts, with the probability of every class, or the answers to questions.

The model decides: of a question answering checkpoint the output is the prediction file of SQuAD.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from cmploss.atomic import write_json, write_text
from cmploss.cli.console import out
from cmploss.errors import UserError
from cmploss.models import answers_questions, load_classifier, load_tokenizer, longest_input
from cmploss.options import parse_arguments
from cmploss.studies import predict
from cmploss.studies.evaluation import label_names
from cmploss.studies.quiet import quiet_libraries
from cmploss.tasks.qa.detect_format import read_questions
from cmploss.tasks.qa.reader import Reader
from cmploss.tasks.qa.squad_output import null_odds_of, predictions_of
from cmploss.tasks.text import encode, unlabelled_texts


@dataclass(frozen=True)
class PredictFlags:
    """What to predict, and where to.

    Attributes:
        model: Folder of a fine-tuned classifier or reader.
        test_file: Texts (.csv, .tsv, .jsonl, .json or .parquet) or questions (SQuAD, HotpotQA, or JSON lines with
            segments); labels and answers are not needed and not read.
        text_column: Column of the text, or two joined by a comma; of a classifier.
        output_file: File to write, predictions.csv or of a reader predictions.json by default; it must not exist yet.
        null_odds_file: File to write too, of a reader: question id, and null score − score of the best span.
        max_length: Longest input in tokens; as in training by default.
        batch_size: Examples per batch.
    """

    model: str = ""
    test_file: str = ""
    text_column: str | None = None
    output_file: str | None = None
    null_odds_file: str | None = None
    max_length: int | None = None
    batch_size: int = 64


USAGE = "--model FOLDER --test_file FILE [--output_file FILE]"
SECTIONS = (PredictFlags,)
TRAINING = False


def run(argv: Sequence[str]) -> None:
    """Parse, check, predict and write."""
    quiet_libraries()
    flags = parse_arguments(argv, SECTIONS)[PredictFlags]
    for name in ("model", "test_file"):
        if not getattr(flags, name):
            raise UserError(f"--{name} is missing; usage: cmploss predict {USAGE}")
    if answers_questions(flags.model):
        _answer(flags)
    else:
        _classify(flags)


def _answer(flags: PredictFlags) -> None:
    if flags.text_column is not None:
        raise UserError("--text_column is for classifiers; a file of questions has fields of its own")
    output = _new_file("output_file", flags.output_file or "predictions.json")
    odds = _new_file("null_odds_file", flags.null_odds_file) if flags.null_odds_file else None
    if odds == output:
        raise UserError(f"--null_odds_file {odds} is the --output_file; give another name")
    questions = read_questions(Path(flags.test_file), labelled=False)
    reader = Reader.from_pretrained(flags.model)
    if flags.max_length is not None:
        reader.config = reader.config.with_max_length(flags.max_length)
    answers = reader.read(questions, batch_size=flags.batch_size)
    write_json(output, predictions_of(questions, answers, reader.config.no_answer_threshold), exclusive=True)
    if odds:
        write_json(odds, null_odds_of(questions, answers), exclusive=True)
    out.print(f"{len(questions)} predictions written to {output}" + (f", null odds to {odds}" if odds else ""))


def _classify(flags: PredictFlags) -> None:
    if flags.null_odds_file is not None:
        raise UserError("--null_odds_file is for question answering; a classifier has no null score")
    output = _new_file("output_file", flags.output_file or "predictions.csv")
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
    rows = StringIO(newline="")
    writer = csv.writer(rows)
    writer.writerow([*texts.column_names, "prediction", *(f"p({label})" for label in labels)])
    for row, prediction, probabilities in zip(texts, predictions, found.probabilities, strict=True):
        writer.writerow([*row.values(), prediction, *(f"{value:.6f}" for value in probabilities)])
    write_text(output, rows.getvalue(), exclusive=True)
    out.print(f"{len(texts)} predictions written to {output}")


def _new_file(option: str, name: str) -> Path:
    path = Path(name)
    if path.exists():
        raise UserError(f"--{option} {path} exists already; give another name")
    return path
