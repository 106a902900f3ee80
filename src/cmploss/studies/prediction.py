"""Files of predictions: labels of texts as CSV, answers to questions in the form of SQuAD, tags as JSON lines."""

import csv
import json
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from scipy.special import softmax

from cmploss.atomic import write_json, write_text
from cmploss.models import label_names, load_classifier, load_tokenizer, longest_input
from cmploss.tasks.qa.answers import Answers
from cmploss.tasks.qa.question_files import read_questions
from cmploss.tasks.qa.reader import Reader
from cmploss.tasks.rows.load_rows import unlabelled_rows
from cmploss.tasks.rows.row_task import TrainedRows
from cmploss.tasks.text import encode
from cmploss.tasks.text.classify import Predictions, predict
from cmploss.tasks.text.encoding import check_inputs
from cmploss.tasks.text.load_texts import glue_texts, unlabelled_texts

N_BEST = 20  # answers of a question in the published runs on SQuAD


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
    texts, model = unlabelled_texts(test_file, text_column), load_classifier(model_name)
    found, labels = _predicted(model, model_name, texts, max_length, batch_size), label_names(model)
    predictions = [labels[index] for index in found.values] if labels else [f"{value:.6g}" for value in found.values]
    safe = _unlike_a_formula if escape else str
    _write_csv(
        output,
        [*map(safe, texts.column_names), "prediction", *(f"p({label})" for label in labels)],
        [
            [*map(safe, row.values()), safe(said) if labels else said, *(f"{value:.6f}" for value in probabilities)]
            for row, said, probabilities in zip(texts, predictions, found.probabilities, strict=True)
        ],
    )
    return len(texts)


def write_rows(
    model_name: str,
    test_file: str,
    output: Path,
    *,
    task: str,
    text_column: str | None = None,
    max_length: int | None = None,
    batch_size: int | None = None,
) -> int:
    """Predict with a model for a task of ``ROW_TASKS``; writes CSV, and JSON lines for tags."""
    examples = unlabelled_rows(task, test_file, text_column)
    trained = TrainedRows(model_name, task, max_length)
    fields, rows = trained.kind.written(trained.run(examples, batch_size)(), trained.tuned)
    if task == "tags":
        write_text(output, "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), exclusive=True)
    else:
        _write_csv(output, fields, [[row[field] for field in fields] for row in rows])
    return len(examples)


def write_glue(
    model_name: str, test_file: str, output: Path, *, max_length: int | None = None, batch_size: int | None = None
) -> int:
    """Predict a test file of GLUE and write what its server scores: an index and a label, class id or number a line."""
    model = load_classifier(model_name)
    labels = label_names(model)
    texts, indices = glue_texts(test_file, labels)
    values = _predicted(model, model_name, texts, max_length, batch_size).values
    if not labels:
        written = [f"{value:.3f}" for value in np.clip(values, 0, 5)]
    else:
        named = labels[0] == "entailment"  # MNLI, QNLI and RTE; the others, WNLI too, have ids
        written = [labels[value] if named else str(value) for value in values]
    lines = [f"{index}\t{value}\n" for index, value in zip(indices, written, strict=True)]
    write_text(output, "".join(["index\tprediction\n", *lines]), exclusive=True)
    return len(texts)


def _predicted(model: Any, name: str, texts: Dataset, max_length: int | None, batch_size: int | None) -> Predictions:
    tokenizer = load_tokenizer(name)
    check_inputs(texts, tokenizer)
    encoded = encode(texts, tokenizer, max_length or longest_input(tokenizer))
    return predict(model, tokenizer, encoded, batch_size=batch_size)


def _unlike_a_formula(cell: str) -> str:
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def write_answers(
    model_name: str,
    test_file: str,
    output: Path,
    *,
    always: bool = False,
    hotpotqa: bool = False,
    null_odds_file: Path | None = None,
    nbest_file: Path | None = None,
    max_length: int | None = None,
    batch_size: int | None = None,
) -> int:
    """Answer the questions in a file and write the files that the official script of SQuAD scores.

    With ``hotpotqa``, the file is that of the script of HotpotQA, ``{"answer": …, "sp": …}``, without supporting facts.
    With ``always``, the reader's threshold for no answer is not used, as the search for the best threshold needs it.
    """
    questions = read_questions(Path(test_file), labelled=False)
    reader = Reader.from_pretrained(model_name)
    if max_length is not None:
        reader.config = reader.config.with_max_length(max_length)
    answers_of = reader.read(questions, n_best=N_BEST if nbest_file else 1, batch_size=batch_size)
    found = list(zip(questions, answers_of, strict=True))
    threshold = None if always else reader.config.no_answer_threshold
    texts: dict[str, Any] = {question.id: answers.text(threshold) for question, answers in found}
    write_json(output, {"answer": texts, "sp": {id: [] for id in texts}} if hotpotqa else texts, exclusive=True)
    if null_odds_file:
        odds = {question.id: answers.null_difference for question, answers in found}
        write_json(null_odds_file, odds, exclusive=True)
    if nbest_file:
        best = {question.id: _best(answers, no_answer=threshold is not None) for question, answers in found}
        write_json(nbest_file, best, exclusive=True)
    return len(questions)


def _write_csv(output: Path, fields: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    text = StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(fields)
    writer.writerows(rows)
    write_text(output, text.getvalue(), exclusive=True)


def _best(answers: Answers, *, no_answer: bool) -> list[dict[str, Any]]:
    """The best answers, as the published scripts write them; ``score`` is start logit + end logit."""
    found = [(answer.text, answer.score) for answer in answers.best]
    if no_answer or not found:
        found.append(("", answers.null_score))
    found.sort(key=lambda answer: -answer[1])
    probabilities = softmax([score for _, score in found]).tolist()
    rows = zip(found, probabilities, strict=True)
    return [{"text": text, "probability": probability, "score": score} for (text, score), probability in rows]
