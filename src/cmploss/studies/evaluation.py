"""Scores of a finished checkpoint and its submodels on held-out data, and on contexts of several sizes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from cmploss.ablation.depths import parameters_at
from cmploss.atomic import nulled, write_json
from cmploss.errors import UserError
from cmploss.experiment import DROPOUT_POWER, LAYERS
from cmploss.measures import per_class_scores
from cmploss.measures.answer_scores import CLOSED_ANSWERS
from cmploss.model_files import answers_questions, generative_head
from cmploss.models import label_names, load_classifier, load_model, load_tokenizer, longest_input, row_task_of
from cmploss.reports import Curve, write_curves
from cmploss.reports.curves import CONTEXT_SIZE, DISTRACTORS, DROPOUT_POWER as POWER_CURVE
from cmploss.studies.evaluation_config import EvaluationConfig
from cmploss.tasks.ablation_curve import AblationPoint, Scores, Submodels, check_submodels, submodel_curve
from cmploss.tasks.data_config import check_scored, check_task
from cmploss.tasks.qa.answers import answered, context_scores, question_scores
from cmploss.tasks.qa.question_data import held_out_questions
from cmploss.tasks.qa.questions import evidence_flags
from cmploss.tasks.qa.reader import reader_config
from cmploss.tasks.qa.windows import note_on_long, note_on_partial
from cmploss.tasks.rag.generate import distractor_scores, scores_of
from cmploss.tasks.rag.generator import Generator
from cmploss.tasks.rag.rag_data import held_out_rag
from cmploss.tasks.rows.load_rows import held_out_rows
from cmploss.tasks.rows.row_task import TrainedRows
from cmploss.tasks.text import DataConfig, encode
from cmploss.tasks.text.classify import predict
from cmploss.tasks.text.encoding import check_inputs, notes_on_inputs, token_counts
from cmploss.tasks.text.load_texts import held_out
from cmploss.tasks.text.text_task import scored_texts


@dataclass(frozen=True)
class Evaluation:
    """The scores of a checkpoint."""

    data: str
    examples: int
    loss: float
    scores: Scores
    classes: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    ablation: Sequence[AblationPoint] = ()
    parameters: Mapping[int, int] = field(default_factory=dict)  # Number of layers → parameters of that submodel
    contexts: Mapping[int, Scores] = field(default_factory=dict)
    distractors: Mapping[int, Scores] = field(default_factory=dict)
    notes: Sequence[str] = ()  # On what the model does not read

    @property
    def powers(self) -> list[AblationPoint]:
        return [point for point in self.ablation if point.setting == DROPOUT_POWER]

    @property
    def depths(self) -> list[AblationPoint]:
        return [point for point in self.ablation if point.setting == LAYERS]


def evaluate(data: DataConfig, config: EvaluationConfig) -> Evaluation:
    """Score a classifier on texts, or a model that answers or generates on questions."""
    check_task(data.task)
    unread = check_scored(data)
    rows, head = row_task_of(config.model), generative_head(config.model)
    reads = answers_questions(config.model)
    if data.tag_names and rows != "tags":
        raise UserError(f"--tag_names is for models of --task tags; {config.model} is another")
    if (config.sizes or config.distractors is not None) and not reads:
        option = "context_size" if config.sizes else "distractors"
        raise UserError(f"--{option} is for question answering models; {config.model} is another")
    if head is not None:
        found = _of_prompts(head, data, config)
        return replace(found, notes=[*unread, *found.notes])
    if config.counts:
        raise UserError(f"--distractor_counts is for models that generate; {config.model} does not")
    if rows is not None:
        trained = TrainedRows(config.model, rows, config.max_length)
        model: Any = trained.model
        score: Callable[[DataConfig, EvaluationConfig, Submodels], Evaluation] = partial(_of_rows, trained, rows)
    else:
        model = load_model(config.model, "QuestionAnswering") if reads else load_classifier(config.model)
        score = partial(_of_questions if reads else _of_texts, model)
    passes = [(power, config.dropout_p) for power in config.powers]
    check_submodels(model, config.model, passes, config.depths)
    found = score(data, config, Submodels(config.powers, config.seed, config.dropout_p, config.depths))
    parameters = {depth: parameters_at(model, depth) for depth in config.depths}
    return replace(found, parameters=parameters, notes=[*unread, *found.notes])


def write_evaluation(found: Evaluation, folder: Path) -> None:
    """Write ``scores.json`` and a figure of each inference curve to a new folder."""
    folder.mkdir(parents=True)
    write_json(folder / "scores.json", nulled(asdict(found)))
    powers = {point.value: point.scores for point in found.powers}
    times = {point.milliseconds: point.scores for point in found.depths}
    _draw(folder / "dropout_power.svg", powers, POWER_CURVE.axis)
    _draw(folder / "layers.svg", times, "milliseconds per example")
    _draw(folder / "context_size.svg", found.contexts, CONTEXT_SIZE.axis)
    _draw(folder / "distractors.svg", found.distractors, DISTRACTORS.axis)


def _draw(path: Path, points: Mapping[Any, Scores], axis: str) -> None:
    if points:
        measures = next(iter(points.values()))
        lines = {name: Curve(list(points), [scores[name] for scores in points.values()]) for name in measures}
        write_curves(path, lines, xlabel=axis, ylabel="percent")


def _of_rows(
    trained: TrainedRows, task: str, data: DataConfig, config: EvaluationConfig, submodels: Submodels
) -> Evaluation:
    name, examples, unscored = held_out_rows(data, task, trained.kind.names)
    run = trained.run(examples, config.batch_size)
    full = run()
    scores, classes = trained.kind.scores(full, trained.tuned), trained.kind.classes(full, trained.tuned)
    curve = trained.curve(run, full, submodels)
    notes = [*unscored, *trained.notes(examples)]
    return Evaluation(name, len(examples), float(full.losses.mean()), scores, classes, curve, notes=notes)


def _of_prompts(head: str, data: DataConfig, config: EvaluationConfig) -> Evaluation:
    if config.depths:
        raise UserError(f"--layers does not apply to models that generate, such as {config.model}; leave it out")
    generator = Generator(config.model, head, config.max_length)
    check_submodels(generator.model, config.model, [(power, config.dropout_p) for power in config.powers])
    submodels = Submodels(config.powers, config.seed, config.dropout_p)
    name, questions = held_out_rag(data)
    for question in questions if config.counts else ():
        evidence_flags(question)
    generator.warn(questions)
    run = generator.run(config.batch_size)
    full = run(questions)
    curve = submodel_curve(full, partial(run, questions), scores_of, submodels)
    distractors = distractor_scores(run, full, config.counts)
    loss = float(full.losses.mean())
    return Evaluation(name, len(questions), loss, scores_of(full), ablation=curve, distractors=distractors)


def _of_texts(model: Any, data: DataConfig, config: EvaluationConfig, submodels: Submodels) -> Evaluation:
    labels, tokenizer = label_names(model), load_tokenizer(config.model)
    name, dataset, measures = held_out(data, labels)
    check_inputs(dataset, tokenizer)
    length = longest_input(tokenizer) if config.max_length is None else config.max_length
    encoded = encode(dataset, tokenizer, length)
    run = partial(predict, model, tokenizer, encoded, batch_size=config.batch_size)
    full, scores, ablation = scored_texts(run, encoded, measures, submodels)
    classes = per_class_scores(full.values, np.asarray(encoded["labels"]), labels) if labels else {}
    notes = list(notes_on_inputs(*token_counts(dataset, tokenizer), length, "the data"))
    return Evaluation(name, len(encoded), float(full.losses.mean()), scores, classes, ablation, notes=notes)


def _of_questions(model: Any, data: DataConfig, config: EvaluationConfig, submodels: Submodels) -> Evaluation:
    tokenizer = load_tokenizer(config.model)
    reader = reader_config(config.model, tokenizer)
    if config.max_length is not None:
        reader = reader.with_max_length(config.max_length)
    name, questions = held_out_questions(data, config.distractors)
    closed = CLOSED_ANSWERS if data.task == "hotpotqa" else ()
    for question in questions if config.sizes else ():
        evidence_flags(question)  # refuses missing flags before the first pass
    scored = partial(question_scores, closed=closed, threshold=reader.no_answer_threshold)
    run = partial(answered, model, tokenizer, reader, batch_size=config.batch_size)
    windows = reader.windows_of(questions, tokenizer)
    ablated = partial(run, questions, windows)
    full = ablated()
    curve = submodel_curve(full, ablated, scored, submodels)
    contexts = context_scores(run, full, scored, config.sizes)
    notes = list(note_on_long(questions, tokenizer, reader.windows))
    notes += note_on_partial(reader.shortened(windows), len(questions))
    loss = float(full.losses.mean())
    return Evaluation(name, len(questions), loss, scored(full), {}, curve, contexts=contexts, notes=notes)
