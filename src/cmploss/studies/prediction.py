"""Files of predictions: labels of texts as CSV, answers to questions in the form of SQuAD."""

import csv
from io import StringIO
from pathlib import Path

from cmploss.atomic import write_json, write_text
from cmploss.models import label_names, load_classifier, load_tokenizer, longest_input
from cmploss.tasks.qa.question_files import read_questions
from cmploss.tasks.qa.reader import Reader
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
    rows = StringIO(newline="")
    writer = csv.writer(rows)
    writer.writerow([*texts.column_names, "prediction", *(f"p({label})" for label in labels)])
    for row, prediction, probabilities in zip(texts, predictions, found.probabilities, strict=True):
        writer.writerow([*row.values(), prediction, *(f"{value:.6f}" for value in probabilities)])
    write_text(output, rows.getvalue(), exclusive=True)
    return len(texts)


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
