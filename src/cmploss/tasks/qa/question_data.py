"""The data of one question answering task: its files or the hub, its splits, ready to encode."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from cmploss.errors import UserError
from cmploss.measures.answer_scores import CLOSED_ANSWERS
from cmploss.model_config import ModelConfig
from cmploss.tasks.catalog import QUESTION_TASKS, RAG_TASK
from cmploss.tasks.data_config import DataConfig, check_config, check_question_options
from cmploss.tasks.folds import Fold
from cmploss.tasks.qa.hotpotqa import read_hotpotqa
from cmploss.tasks.qa.qa_config import QuestionConfig
from cmploss.tasks.qa.question_files import has_rows, read_questions, read_segments
from cmploss.tasks.qa.questions import Question
from cmploss.tasks.qa.reader_config import Layout
from cmploss.tasks.qa.squad import read_squad, squad_from_hub, squad_rows, with_distractors
from cmploss.tasks.splits import (
    SEED,
    SPLITS,
    TITLES,
    Split,
    WithSplits,
    draw,
    notes_on_shared,
    sample,
    split_missing,
    subsample,
)
from cmploss.tasks.text.table_files import read_table

if TYPE_CHECKING:
    from cmploss.tasks.qa.question_task import QuestionTask

Questions = tuple[Question, ...]
READERS: Mapping[str, Callable[[Path], list[Question]]] = {
    "hotpotqa": read_hotpotqa,
    "question_answering": read_segments,
    RAG_TASK: read_questions,
}
SHARES: Mapping[Split, float] = {"validation": 0.1, "test": 0.25}


@dataclass(frozen=True, kw_only=True)
class QuestionData(WithSplits[Questions]):
    """Checked questions in splits.

    Attributes:
        layout: ``context`` (one text per window) or ``paragraphs`` (several).
        closed: Answers that count as right or wrong as a whole (see :func:`cmploss.measures.exact_match_f1`).
    """

    measures: ClassVar[tuple[str, ...]] = ("f1", "exact_match")

    layout: Layout
    closed: tuple[str, ...] = ()

    def _rows(self, examples: Questions) -> Iterator[object]:
        for question in examples:
            segments = [[segment.title, segment.text, segment.evidence] for segment in question.segments]
            spans = [[span.text, span.start, span.end] for span in question.spans]
            yield [question.id, question.text, segments, question.answers, spans]


def load_task(options: Mapping[type, Any]) -> QuestionTask:
    config, qa_config = options[ModelConfig], options[QuestionConfig]
    data = load_questions(options[DataConfig], qa_config)
    from cmploss.tasks.qa.question_task import QuestionTask  # imports transformers, so check the data first

    return QuestionTask(data, config.model, config.max_length, qa_config)


def load_questions(config: DataConfig, qa_config: QuestionConfig | None = None) -> QuestionData:
    """Load and check the questions that the settings name."""
    check_config(config)
    distractors = qa_config.distractors if qa_config else None
    task = str(config.task)
    given = {split: getattr(config, f"{split}_file") for split in SPLITS}
    read = questions_of(task, {split: Path(name) for split, name in given.items() if name}, distractors)
    distinct, shared_notes = without_shared(read)
    filled, split_notes = split_by_article(distinct, config.train_file or task)
    shared_notes += _notes_on_contexts(filled)
    missing = sum(not question.spans for question in filled["train"] if question.answers)
    if missing and task != RAG_TASK:
        shared_notes.append(
            f"{missing} of {len(filled['train'])} training questions have an answer that is nowhere in their texts; "
            "they are left out of the loss."
        )
    manner = f"questions were drawn (random, seed {SEED})"
    kept, limit_notes = subsample(filled, config.max_train_samples, config.max_eval_samples, draw, manner)
    return QuestionData(
        name=Path(str(config.train_file)).stem if task in ("question_answering", RAG_TASK) else task,
        layout="context" if task.startswith("squad") and distractors is None else "paragraphs",
        train=kept["train"],
        validation=kept.get("validation"),
        test=kept.get("test"),
        notes=(*shared_notes, *split_notes, *limit_notes),
        whole=distinct["train"] if list(distinct) == ["train"] else None,
        closed=CLOSED_ANSWERS if task == "hotpotqa" else (),
    )


def fold_of(data: QuestionData, fold: Fold) -> QuestionData:
    """The data with the splits of one fold; questions of an article, or of one context, are in the same split."""
    whole = data.undivided()
    groups, unit = groups_of(whole)
    splits, note = fold.divide(whole, f"random, by {unit}", groups)
    return replace(data, **splits, notes=(note,))


def held_out_questions(config: DataConfig, distractors: int | None) -> tuple[str, Sequence[Question]]:
    if config.task not in (*QUESTION_TASKS, RAG_TASK):
        raise UserError(f"the model answers questions; give --task {', '.join(QUESTION_TASKS)}, and --test_file")
    if config.test_file and not config.train_file:
        check_question_options(config)
        found = questions_of(config.task, {"test": Path(config.test_file)}, distractors)["test"]
        limit = config.max_eval_samples
        return config.test_file, found if limit is None else draw(found, limit)
    data = load_questions(config, QuestionConfig(distractors=distractors))
    return f"{data.name} {data.eval_split}", data.splits[data.eval_split]


def questions_of(task: str, paths: Mapping[Split, Path], distractors: int | None) -> dict[Split, Questions]:
    """The questions of a task's files, or without files the questions on the hub."""
    if distractors is not None and not task.startswith("squad"):
        raise UserError(f"--distractors is for squad and squad_v2; --task {task} has its own paragraphs")
    read = READERS.get(task, _squad)
    found = {split: read(path) for split, path in paths.items()} or squad_from_hub(task)
    for question in (each for questions in found.values() for each in questions):
        if task == "squad" and not question.answers:
            raise question.fault("has no answer; --task squad_v2 is for data with such questions")
    if distractors is not None:
        found = {split: with_distractors(questions, distractors) for split, questions in found.items()}
    return {split: tuple(questions) for split, questions in found.items()}


def _squad(path: Path) -> list[Question]:
    return squad_rows(read_table(path)) if has_rows(path) else read_squad(path)


def split_by_article(splits: Mapping[Split, Questions], source: str) -> tuple[dict[Split, Questions], list[str]]:
    """Split off a validation split if there is none, and a test split if there is only a training split.

    Articles stay whole. In order of their names, the last quarter is the test split and the tenth before it is the
    validation split. Without articles the questions of a context stay together, and contexts are split at random. Only
    if there are too few contexts, they are divided.
    """
    groups, unit = groups_of(splits["train"])
    if unit == "context" and len(set(groups)) <= len(
        [split for split in ("validation", "test") if split not in splits]
    ):
        groups, unit = [question.id for question in splits["train"]], "question"
    grouped = unit == "article"

    def choose(train: Questions, missing: Sequence[Split]) -> dict[Split, Questions]:
        names = sorted(set(groups))
        if len(names) <= len(missing):
            raise UserError(
                f"{source}: has {len(names)} {unit}{'s' * (len(names) > 1)}; {len(missing) + 1} splits need "
                f"{len(missing) + 1}; add some or give --validation_file and --test_file"
            )
        if not grouped:
            names = [names[index] for index in sample(len(names), None, SEED)]
        chosen: dict[str, Split] = dict.fromkeys(names, "train")
        last = len(names)
        for split in reversed(missing):
            first = last - max(1, round(SHARES[split] * len(names)))
            chosen |= dict.fromkeys(names[first:last], split)
            last = first
        return {
            split: tuple(each for each, group in zip(train, groups, strict=True) if chosen[group] == split)
            for split in ("train", *missing)
        }

    manner = "by article in the order of their names" if grouped else f"at random by {unit}, seed {SEED}"
    return split_missing(splits, choose, source, f"questions ({manner})")


def without_shared(splits: Mapping[Split, Questions]) -> tuple[dict[Split, Questions], list[str]]:
    """Remove from each split the questions whose id is in an earlier split; also returns a note on each split."""
    kept: dict[Split, Questions] = {}
    notes = []
    known: set[str] = set()
    for split in (each for each in SPLITS if each in splits):
        kept[split] = tuple(question for question in splits[split] if question.id not in known)
        dropped = len(splits[split]) - len(kept[split])
        if not kept[split]:
            raise UserError(
                f"{splits[split][0].place}: every question of the {TITLES[split]} split is also in an earlier split; "
                "give other questions"
            )
        if dropped:
            notes.append(
                f"{dropped} question{'s' * (dropped > 1)} of the {TITLES[split]} split "
                f"{'were' if dropped > 1 else 'was'} left out: also in an earlier split."
            )
        known.update(question.id for question in splits[split])
    return kept, notes


def groups_of(questions: Questions) -> tuple[list[str], str]:
    """What must not be divided by a split, of each question, and what it is called: article, context or question."""
    if all(question.group is not None for question in questions):
        return [str(question.group) for question in questions], "article"
    contexts = [repr(_context(question)) for question in questions]
    if len(set(contexts)) == len(questions):
        return [question.id for question in questions], "question"
    return contexts, "context"


def _context(question: Question) -> tuple[str, ...]:
    """The evidence, if it is flagged, else all texts: distractors are drawn for each question."""
    evidence = tuple(segment.text for segment in question.segments if segment.evidence)
    return evidence or tuple(segment.text for segment in question.segments)


def _notes_on_contexts(splits: Mapping[Split, Questions]) -> list[str]:
    contexts = {split: dict.fromkeys(map(_context, questions)) for split, questions in splits.items()}
    pairs = {split: [(each.text, *_context(each)) for each in questions] for split, questions in splits.items()}
    return [*notes_on_shared(contexts, "context"), *notes_on_shared(pairs, "question")]
