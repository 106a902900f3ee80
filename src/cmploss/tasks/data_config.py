"""Options of the data source."""

from dataclasses import dataclass
from difflib import get_close_matches

from cmploss.errors import UserError
from cmploss.tasks.catalog import KINDS, PRF_TASK, QUESTION_TASKS, RAG_TASK, ROW_TASKS, TASKS

COLUMNS = ("text_column", "label_column", "group_column")


@dataclass(frozen=True)
class DataConfig:
    """Settings of ``load_data``; options on the command line and in YAML have the same names.

    Attributes:
        task: helpdesk, a GLUE task, classification, regression, multi_label, tags, multiple_choice, rerank, squad,
            squad_v2, hotpotqa, question_answering, rag or prf; by default classification of own files.
        data_dir: Folder with the original files of a GLUE task. By default the data come from the hub.
        dataset: Texts on the hub, as org/name, org/name:config or org/name@revision; columns as in your own files.
        train_file: Your own file, .csv, .tsv, .jsonl, .json or .parquet; or an original file of the task.
        validation_file: Validation examples in the same format; by default split off the training examples.
        test_file: Test examples in the same format; by default split off unless validation_file is given.
        also_test: More test data of texts, scored too, as NAME=FILE joined by commas.
        text_column: Column of the text, or two joined by a comma: ``premise,hypothesis``; for your own files.
        label_column: Column of the label in your own files.
        group_column: Column of the group, such as the author; examples of one group stay in one split.
        tag_names: Names of tags that are numbers from 0, as in ``O,B-PER,I-PER``.
        max_train_samples: Train on at most this many examples, drawn with seed 0.
        max_eval_samples: Keep at most this many validation and this many test examples.
    """

    task: str | None = None
    data_dir: str | None = None
    dataset: str | None = None
    train_file: str | None = None
    validation_file: str | None = None
    test_file: str | None = None
    also_test: str | None = None
    text_column: str | None = None
    label_column: str | None = None
    group_column: str | None = None
    tag_names: str | None = None
    max_train_samples: int | None = None
    max_eval_samples: int | None = None


def check_task(task: str | None) -> None:
    allowed = (*TASKS, *KINDS, *ROW_TASKS, *QUESTION_TASKS, RAG_TASK, PRF_TASK)
    if task not in (None, *allowed):
        close = get_close_matches(str(task).lower(), allowed, n=1)
        suggestion = f"did you mean {close[0]}? " if close else ""
        raise UserError(f"--task {task!r} is unknown; {suggestion}choose from {', '.join(allowed)}")


def check_config(config: DataConfig) -> None:
    """Refuse settings that are unknown, contradictory or incomplete."""
    check_task(config.task)
    task = TASKS.get(config.task or "")
    if config.task == PRF_TASK:
        given = [name for name, value in vars(config).items() if value is not None and name != "task"]
        if given:
            raise UserError(f"--{given[0]} does not apply to --task prf; give --index, --documents and --train_queries")
        return
    files = config.train_file or config.validation_file or config.test_file
    if config.data_dir and files:
        raise UserError("--data_dir and --train_file, --validation_file or --test_file exclude each other; give one")
    if files and not config.train_file:
        raise UserError("--validation_file and --test_file need --train_file; give a single file as --train_file")
    check_applies(config)
    if config.dataset and (files or config.data_dir or config.task not in (None, *KINDS)):
        raise UserError("--dataset is all data: leave out files, --data_dir, and a --task except regression")
    if config.task in (*QUESTION_TASKS, RAG_TASK):
        _check_questions(config)
    elif task is None:
        if config.data_dir:
            raise UserError("--data_dir is for the original files of a GLUE task; set --task, or give --train_file")
        if not files and not config.dataset:
            raise UserError(
                f"--train_file or --task is missing; give your own --train_file, or as --task one of {', '.join(TASKS)}"
            )
    elif given := [name for name in COLUMNS if getattr(config, name)]:
        raise UserError(f"--{given[0]} is for your own files; --task {config.task} has known columns; leave it out")
    elif task.bundled and (config.data_dir or files):
        raise UserError(f"--task {config.task} comes with its data; leave the files out, or set --task classification")
    _check_sizes(config)


def check_applies(config: DataConfig) -> None:
    """Refuse options that the task does not read."""
    if config.tag_names and config.task != "tags":
        raise UserError("--tag_names is for --task tags; leave it out")
    for option in ("group_column", "also_test") if config.task in ROW_TASKS else ():
        if getattr(config, option):
            raise UserError(f"--{option} is for texts with one label; leave it out for --task {config.task}")


def check_scored(config: DataConfig) -> list[str]:
    """Refuse settings that an evaluation does not read; returns notes on those that change no score."""
    if config.also_test is not None:
        raise UserError("--also_test is for training; leave it out, and give other data as --test_file")
    if config.test_file and not config.train_file:
        for option in ("data_dir", "dataset", "validation_file", "group_column"):
            if getattr(config, option):
                raise UserError(f"--{option} does not apply to --test_file alone; leave it out")
        if config.task in TASKS:
            raise UserError(f"--task {config.task} does not apply to --test_file alone; leave it out")
    elif config.validation_file and not config.train_file:
        raise UserError("--validation_file is for training; give the file to score as --test_file")
    elif not any(getattr(config, name) for name in ("task", "train_file", "dataset", "data_dir")):
        raise UserError("--test_file is missing; give the file to score, or a --task with a test split")
    _check_sizes(config)
    if config.max_train_samples is None:
        return []
    return ["--max_train_samples limits the training split, and changes nothing in an evaluation."]


def check_question_options(config: DataConfig) -> None:
    for option in ("data_dir", "also_test", *COLUMNS):
        if getattr(config, option):
            raise UserError(
                f"--{option} does not apply to --task {config.task}; give --train_file or --test_file alone"
            )


def _check_sizes(config: DataConfig) -> None:
    for option in ("max_train_samples", "max_eval_samples"):
        size = getattr(config, option)
        if size is not None and (not isinstance(size, int) or size < 1):
            raise UserError(f"--{option} must be >= 1, got {size!r}")


def _check_questions(config: DataConfig) -> None:
    check_question_options(config)
    if not config.train_file and not str(config.task).startswith("squad"):
        raise UserError(f"--task {config.task} needs its file; give --train_file")
