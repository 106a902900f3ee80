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
    escape: bool = False,
    max_length: int | None = None,
    batch_size: int | None = None,
) -> int:
    """Predict the labels of the texts in a file and write them as CSV, with the probability of each class.

    With ``escape``, texts and labels that begin like a formula of a spreadsheet get a ' in front.
    """
    texts = unlabelled_texts(test_file, text_column)
    model, tokenizer = load_classifier(model_name), load_tokenizer(model_name)
    encoded = encode(texts, tokenizer, max_length or longest_input(tokenizer))
    found = predict(model, tokenizer, encoded, batch_size=batch_size)
    labels = label_names(model)
    predictions = [labels[index] for index in found.values] if labels else [f"{value:.6g}" for value in found.values]
    rows = StringIO(newline="")
    writer = csv.writer(rows)
    safe = _unlike_a_formula if escape else str
    writer.writerow([*map(safe, texts.column_names), "prediction", *(f"p({label})" for label in labels)])
    for row, prediction, probabilities in zip(texts, predictions, found.probabilities, strict=True):
        shown = safe(prediction) if labels else prediction
        writer.writerow([*map(safe, row.values()), shown, *(f"{value:.6f}" for value in probabilities)])
    write_text(output, rows.getvalue(), exclusive=True)
    return len(texts)


def _unlike_a_formula(cell: str) -> str:
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def write_answers(
    model_name: str,
    test_file: str,
    output: Path,
    null_odds: Path | None = None,
    *,
    always: bool = False,
    max_length: int | None = None,
    batch_size: int | None = None,
) -> int:
    """Answer the questions in a file and write the files that the official script of SQuAD scores.

    With ``always``, the reader's threshold for no answer is not used, as the search for the best threshold needs it.
    """
    questions = read_questions(Path(test_file), labelled=False)
    reader = Reader.from_pretrained(model_name)
    if max_length is not None:
        reader.config = reader.config.with_max_length(max_length)
    found = list(zip(questions, reader.read(questions, batch_size=batch_size), strict=True))
    threshold = None if always else reader.config.no_answer_threshold
    write_json(output, {question.id: answers.text(threshold) for question, answers in found}, exclusive=True)
    if null_odds:
        odds = {question.id: answers.null_difference for question, answers in found}
        write_json(null_odds, odds, exclusive=True)
    return len(questions)
