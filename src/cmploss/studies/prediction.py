"""Files of predictions: labels of texts as CSV, answers to questions in the form of SQuAD, tags as JSON lines."""

import csv
import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from scipy.special import softmax
from transformers import PreTrainedTokenizerBase

from cmploss.ablation.depths import check_depths
from cmploss.atomic import write_json, write_text
from cmploss.errors import UserError
from cmploss.model_files import generative_head
from cmploss.models import label_names, load_classifier, load_tokenizer, longest_input
from cmploss.retrieval.trec_files import write_run
from cmploss.tasks.qa.answers import Answers
from cmploss.tasks.qa.question_files import read_questions
from cmploss.tasks.qa.reader import Reader
from cmploss.tasks.rag.generator import Generator
from cmploss.tasks.rerank.rerank_kind import run_of
from cmploss.tasks.rows.load_rows import unlabelled_rows
from cmploss.tasks.rows.row_task import TrainedRows
from cmploss.tasks.text import encode
from cmploss.tasks.text.classify import Predictions, predict
from cmploss.tasks.text.early_exit import predict_early
from cmploss.tasks.text.encoding import check_inputs, notes_on_inputs, token_counts
from cmploss.tasks.text.load_texts import glue_texts, unlabelled_texts
from cmploss.training.layers import keep_layers

logger = logging.getLogger(__name__)
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
    layers: int | None = None,
) -> int:
    """Predict the labels of the texts in a file and write them as CSV, with the probability of each class.

    With ``escape``, texts and labels that begin like a formula of a spreadsheet get a ' in front.
    """
    texts, model = unlabelled_texts(test_file, text_column), keep_layers(load_classifier(model_name), layers, "layers")
    found = _predicted(model, model_name, texts, max_length, batch_size)
    _write_labels(output, texts, label_names(model), found, escape=escape)
    return len(texts)


def write_early(
    model_name: str,
    test_file: str,
    output: Path,
    *,
    depths: Sequence[int],
    confidence: float,
    tell: Callable[[str], None],
    text_column: str | None = None,
    escape: bool = False,
    max_length: int | None = None,
    batch_size: int | None = None,
) -> int:
    """:func:`write_labels` with early exit, and the number of layers that each text needed.

    ``tell`` gets a line with the share of texts that ended at each depth, and the time per text.
    """
    texts, model = unlabelled_texts(test_file, text_column), load_classifier(model_name)
    if not label_names(model):
        raise UserError(f"--exit needs classes; {model_name} predicts a number")
    tokenizer, encoded = _encoded(model_name, texts, max_length)
    try:
        check_depths(model, depths)
    except ValueError as error:
        raise UserError(f"--layers: {error}") from error
    start = time.perf_counter()
    found = predict_early(model, tokenizer, encoded, depths, confidence, batch_size=batch_size)
    milliseconds = 1000 * (time.perf_counter() - start) / len(texts)
    _write_labels(output, texts, label_names(model), found.predictions, escape=escape, layers=found.layers.tolist())
    counts = sorted(Counter(found.layers.tolist()).items())
    shares = ", ".join(f"{count / len(texts):.0%} after {depth} layers" for depth, count in counts)
    tell(f"Texts that ended: {shares}; {milliseconds:.2f} ms per text")
    return len(texts)


def _write_labels(
    output: Path,
    texts: Dataset,
    labels: Sequence[str],
    found: Predictions,
    *,
    escape: bool,
    layers: Sequence[int] | None = None,
) -> None:
    more = [] if layers is None else ["layers"]
    counts = [[] for _ in texts] if layers is None else [[count] for count in layers]
    predictions = [labels[index] for index in found.values] if labels else [f"{value:.6g}" for value in found.values]
    safe = _unlike_a_formula if escape else str
    _write_csv(
        output,
        [*map(safe, texts.column_names), "prediction", *(f"p({label})" for label in labels), *more],
        [
            [*map(safe, row.values()), safe(said) if labels else said, *(f"{value:.6f}" for value in each), *count]
            for row, said, each, count in zip(texts, predictions, found.probabilities, counts, strict=True)
        ],
    )


def write_rows(
    model_name: str,
    test_file: str,
    output: Path,
    *,
    task: str,
    text_column: str | None = None,
    run_file: Path | None = None,
    max_length: int | None = None,
    batch_size: int | None = None,
    layers: int | None = None,
) -> int:
    """Predict with a model for a task of ``ROW_TASKS``; writes CSV, JSON lines for tags, and a run of a reranker."""
    examples = unlabelled_rows(task, test_file, text_column)
    trained = TrainedRows(model_name, task, max_length, layers)
    run = trained.run(examples, batch_size)
    _tell(trained.notes(examples))
    found = run()
    fields, rows = trained.kind.written(found, trained.tuned)
    if run_file is not None:
        write_run(run_of(found), run_file)
    if task == "tags":
        write_text(output, "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), exclusive=True)
    else:
        _write_csv(output, fields, [[row[field] for field in fields] for row in rows])
    return len(examples)


def write_glue(
    model_name: str,
    test_file: str,
    output: Path,
    *,
    max_length: int | None = None,
    batch_size: int | None = None,
    layers: int | None = None,
) -> int:
    """Predict a test file of GLUE and write what its server scores: an index and a label, class id or number a line."""
    model = keep_layers(load_classifier(model_name), layers, "layers")
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
    tokenizer, encoded = _encoded(name, texts, max_length)
    return predict(model, tokenizer, encoded, batch_size=batch_size)


def _encoded(name: str, texts: Dataset, max_length: int | None) -> tuple[PreTrainedTokenizerBase, Dataset]:
    tokenizer = load_tokenizer(name)
    check_inputs(texts, tokenizer)
    length = longest_input(tokenizer) if max_length is None else max_length
    encoded = encode(texts, tokenizer, length)
    _tell(notes_on_inputs(*token_counts(texts, tokenizer), length, "the data"))
    return tokenizer, encoded


def _tell(notes: Iterable[str]) -> None:
    for note in notes:
        logger.warning("note: %s", note)


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
    layers: int | None = None,
) -> int:
    """Answer the questions in a file and write the files that the official script of SQuAD scores.

    With ``hotpotqa``, the file is that of the script of HotpotQA, ``{"answer": …, "sp": …}``, without supporting facts.
    With ``always``, the reader's threshold for no answer is not used, as the search for the best threshold needs it.
    """
    questions = read_questions(Path(test_file), labelled=False)
    reader = Reader.from_pretrained(model_name)
    keep_layers(reader.model, layers, "layers")
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


def write_generated(
    model_name: str, test_file: str, output: Path, *, max_length: int | None = None, batch_size: int | None = None
) -> int:
    """Generate answers to the questions in a file and write them by id, as the official script of SQuAD takes them."""
    questions = read_questions(Path(test_file), labelled=False)
    head = generative_head(model_name) or ""
    write_json(output, Generator(model_name, head, max_length).answers(questions, batch_size), exclusive=True)
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
