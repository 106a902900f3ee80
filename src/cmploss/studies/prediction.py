"""Files of predictions: labels of texts as CSV, answers to questions in the form of SQuAD, tags as JSON lines."""

import csv
import json
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from cmploss.atomic import write_json, write_text
from cmploss.models import label_names, load_classifier, load_tokenizer, longest_input
from cmploss.tasks.qa.question_files import read_questions
from cmploss.tasks.qa.reader import Reader
from cmploss.tasks.rows.load_rows import unlabelled_rows
from cmploss.tasks.rows.row_task import TrainedRows
from cmploss.tasks.text import encode
from cmploss.tasks.text.classify import predict
from cmploss.tasks.text.load_texts import unlabelled_texts


def write_labels(
    model_name: str,
    test_file: str,
    output: Path,
    *,
    text_column: str | None = None,
    max_length: int | None = None,
    batch_size: int = 64,
) -> int:
    """Predict the labels of the texts in a file and write them as CSV, with the probability of each class."""
    texts = unlabelled_texts(test_file, text_column)
    model, tokenizer = load_classifier(model_name), load_tokenizer(model_name)
    encoded = encode(texts, tokenizer, max_length or longest_input(tokenizer))
    found = predict(model, tokenizer, encoded, batch_size=batch_size)
    labels = label_names(model)
    predictions = [labels[index] for index in found.values] if labels else [f"{value:.6g}" for value in found.values]
    _write_csv(
        output,
        [*texts.column_names, "prediction", *(f"p({label})" for label in labels)],
        [
            [*row.values(), prediction, *(f"{value:.6f}" for value in probabilities)]
            for row, prediction, probabilities in zip(texts, predictions, found.probabilities, strict=True)
        ],
    )
    return len(texts)


def write_rows(
    model_name: str,
    task: str,
    test_file: str,
    output: Path,
    *,
    text_column: str | None = None,
    max_length: int | None = None,
    batch_size: int = 64,
) -> int:
    """Predict with a model for a task of ``ROW_TASKS``; writes CSV, or JSON lines if the file is called .jsonl."""
    examples = unlabelled_rows(task, test_file, text_column)
    trained = TrainedRows(model_name, task, max_length)
    fields, rows = trained.kind.written(trained.run(examples, batch_size)(), trained.tuned)
    if output.suffix == ".jsonl":
        write_text(output, "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), exclusive=True)
    else:
        _write_csv(output, fields, [[row[field] for field in fields] for row in rows])
    return len(examples)


def write_answers(
    model_name: str,
    test_file: str,
    output: Path,
    null_odds: Path | None = None,
    *,
    max_length: int | None = None,
    batch_size: int = 64,
) -> int:
    """Answer the questions in a file and write the files that the official script of SQuAD scores."""
    questions = read_questions(Path(test_file), labelled=False)
    reader = Reader.from_pretrained(model_name)
    if max_length is not None:
        reader.config = reader.config.with_max_length(max_length)
    found = list(zip(questions, reader.read(questions, batch_size=batch_size), strict=True))
    threshold = reader.config.no_answer_threshold
    write_json(output, {question.id: answers.text(threshold) for question, answers in found}, exclusive=True)
    if null_odds:
        odds = {question.id: answers.null_difference for question, answers in found}
        write_json(null_odds, odds, exclusive=True)
    return len(questions)


def _write_csv(output: Path, fields: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    text = StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(fields)
    writer.writerows(rows)
    write_text(output, text.getvalue(), exclusive=True)
