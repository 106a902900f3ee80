"""Predict the labels of texts, with the probability of every class, or the answers to questions.

A question answering checkpoint writes the prediction file of SQuAD.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from cmploss.cli.console import check_given, new_path, out, progress, told_when_interrupted
from cmploss.errors import UserError
from cmploss.options import parse_arguments, whole_numbers


@dataclass(frozen=True)
class PredictFlags:
    """What to predict, and where to write.

    Attributes:
        model: Folder of a fine-tuned classifier or reader.
        test_file: Texts (.csv, .tsv, .jsonl, .json or .parquet) or questions (SQuAD, HotpotQA, MuSiQue, or JSON lines
            with segments); labels and answers are ignored.
        text_column: Column of the text, or two joined by a comma; for a classifier.
        output_file: New file to write; by default predictions.csv (.tsv for GLUE), or predictions.json for question
            answering.
        format: Form of the file: csv, or json for question answering; glue, which GLUE's server scores, for its test
            files; or hotpotqa, which the script of HotpotQA scores, with answers and no supporting facts.
        null_odds_file: Another file to write, with null score − score of the best span of each question; for question
            answering.
        always_answer: For question answering, write the best span also where the reader gives no answer.
        escape_formulas: For a classifier, put ' before cells of text that a spreadsheet would read as formulas.
        nbest_file: Another file to write, with the 20 best answers to each question; for question answering.
        run_file: Another file to write, with the ranking of each query in TREC form; for a reranker.
        layers: Number of lowest layers that are used, as in 4; with --exit the depths after which a text may end.
        exit: Least probability of the predicted class with which a text ends before the last layer; for classifiers of
            texts, with --layers.
        max_length: Longest input in tokens; by default as in training.
        batch_size: Examples per batch; by default as many as suit the device and their length.
    """

    model: str = ""
    test_file: str = ""
    text_column: str | None = None
    output_file: str | None = None
    format: Literal["csv", "glue", "hotpotqa"] = "csv"
    null_odds_file: str | None = None
    always_answer: bool = False
    escape_formulas: bool = False
    nbest_file: str | None = None
    run_file: str | None = None
    layers: str | None = None
    exit: float | None = None
    max_length: int | None = None
    batch_size: int | None = None


MORE_FILES = {"null_odds_file": "null odds", "nbest_file": "best answers", "run_file": "the run"}
USAGE = "--model FOLDER --test_file FILE [--output_file FILE]"
SECTIONS = (PredictFlags,)


def run(argv: Sequence[str]) -> None:
    flags = parse_arguments(argv, SECTIONS)[PredictFlags]
    check_given(flags, ("model", "test_file"), f"predict {USAGE}")
    depths = whole_numbers("layers", flags.layers, least=1)
    if flags.exit is None and len(depths) > 1:
        raise UserError(
            f"--layers {flags.layers}: give one number, or --exit 0.9 too, so that each text ends at one of them"
        )
    if flags.exit is not None and (not depths or not 0 < flags.exit <= 1):
        raise UserError("--exit must be a probability above 0, with --layers, as in --exit 0.9 --layers 4,2")
    from cmploss.model_files import answers_questions, generative_head
    from cmploss.models import row_task_of

    reads, rows, generates = answers_questions(flags.model), row_task_of(flags.model), generative_head(flags.model)
    for name in ("text_column", "escape_formulas"):
        if (reads or generates) and getattr(flags, name):
            raise UserError(f"--{name} is for classifiers; {flags.model} answers questions, and writes JSON")
    if (rows or flags.format == "glue") and flags.escape_formulas:
        raise UserError("--escape_formulas is for classifiers of texts that write CSV; leave it out")
    if flags.exit is not None and (reads or rows or flags.format == "glue"):
        raise UserError(
            "--exit is for classifiers of texts that write CSV; leave it out, or give one number of --layers"
        )
    if generates and depths:
        raise UserError(f"--layers does not apply to models that generate, such as {flags.model}; leave it out")
    if flags.always_answer and not reads:
        raise UserError(f"--always_answer is for extractive question answering; {flags.model} is another model")
    if flags.format == "glue" and (reads or rows or generates or flags.text_column):
        raise UserError("--format glue is for the test files of GLUE, whose columns are known")
    if flags.format == "hotpotqa" and not reads:
        raise UserError(f"--format hotpotqa is for extractive question answering; {flags.model} is another model")
    suffix = "json" if reads or generates else "tsv" if flags.format == "glue" else "jsonl" if rows == "tags" else "csv"
    output = new_path("output_file", flags.output_file or f"predictions.{suffix}")
    given = {name: getattr(flags, name) for name in MORE_FILES}
    more: dict[str, Any] = {name: new_path(name, path) for name, path in given.items() if path is not None}
    taken = [output.resolve()]
    for name, path in more.items():
        if name == "run_file" and rows != "rerank":
            raise UserError(f"--run_file is for rerankers; {flags.model} is another model")
        if name != "run_file" and not reads:
            raise UserError(f"--{name} is for extractive question answering; {flags.model} is another model")
        place = path.resolve()
        if any(place in (each, *each.parents) or each in place.parents for each in taken):
            raise UserError(f"--{name} {path} is another file of this command; give another name")
        taken.append(place)
    from cmploss.inference import watched
    from cmploss.studies.prediction import (
        write_answers,
        write_early,
        write_generated,
        write_glue,
        write_labels,
        write_rows,
    )

    options: dict[str, Any] = {"max_length": flags.max_length, "batch_size": flags.batch_size}
    if flags.exit is None:
        options["layers"] = depths[0] if depths else None
    write: Callable[..., int]
    told: list[str] = []
    if reads:
        write = write_answers
        options |= {"always": flags.always_answer, "hotpotqa": flags.format == "hotpotqa", **more}
    elif generates:
        write = write_generated
        options.pop("layers", None)
    elif rows is not None:
        write = write_rows
        options |= {"task": rows, "text_column": flags.text_column, **more}
    elif flags.format == "glue":
        write = write_glue
    else:
        write = write_labels
        options |= {"text_column": flags.text_column, "escape": flags.escape_formulas}
    if flags.exit is not None:
        write = write_early
        options |= {"depths": depths, "confidence": flags.exit, "tell": told.append}
    with told_when_interrupted("nothing is written"), progress("predicting", 1) as advance, watched(advance):
        count = write(flags.model, test_file=flags.test_file, output=output, **options)
    out.print(f"{count} predictions written to {output}{''.join(f', {MORE_FILES[n]} to {p}' for n, p in more.items())}")
    for line in told:
        out.print(line)
