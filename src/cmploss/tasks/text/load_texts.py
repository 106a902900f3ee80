"""Loading texts: from options, and from Python objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cmploss.errors import UserError
from cmploss.model_config import ModelConfig
from cmploss.tasks.catalog import DEFAULT_MEASURES, KINDS, TASKS, Kind
from cmploss.tasks.data_config import DataConfig, check_config
from cmploss.tasks.data_tables import table_of
from cmploss.tasks.text.columns import own_columns, require, text_columns
from cmploss.tasks.text.labelled_texts import classified, graded, unlabelled
from cmploss.tasks.text.sources import Tables, configured_source, own_source
from cmploss.tasks.text.table_files import read_table
from cmploss.tasks.text.text_data import TaskData, assembled, most

if TYPE_CHECKING:
    from datasets import Dataset

    from cmploss.tasks.text.text_task import TextTask


def load_task(options: Mapping[type, Any]) -> TextTask:
    config, data = options[ModelConfig], load_data(options[DataConfig])
    from cmploss.tasks.text.text_task import TextTask  # imports transformers, so check the data first

    return TextTask(data, config.model, config.max_length, pooling=config.pooling, head_init=config.head_init)


def load_data(config: DataConfig) -> TaskData:
    """Load and check the data that the options name.

    One labelled file is split 70/10/20 into training, validation and test split. With a test file but no validation
    file, 10 % of the training examples become the validation split. With a validation file but no test file, ``test``
    is None. Splits and samples are drawn with seed 0. The notes say what was done.

    Args:
        config: Where the data come from.

    Returns:
        The splits, their label names and measures, and notes.

    Raises:
        UserError: If the options contradict one another, or the data have a fault; names file, line, column and remedy.
    """
    check_config(config)
    return assembled(configured_source(config), config.max_train_samples, config.max_eval_samples)


def task_data(
    train: object,
    validation: object = None,
    test: object = None,
    *,
    kind: Kind = "classification",
    text_column: str | None = None,
    label_column: str | None = None,
    group_column: str | None = None,
    name: str = "data",
) -> TaskData:
    """Check and split data given as Python objects, as ``load_data`` does with files.

    Args:
        train: A pandas DataFrame, a ``datasets.Dataset`` or a list of dicts, with one or two texts and a label.
        validation: Validation examples in the same form; by default split off ``train``.
        test: Test examples in the same form; by default split off ``train`` if ``validation`` is also None.
        kind: ``classification`` or ``regression``.
        text_column: Column of the text, or two joined by a comma; by default the one with a common name.
        label_column: Column of the label; by default the one with a common name.
        group_column: Column of the group; examples of one group stay in one split.
        name: Name of the data.

    Returns:
        As ``load_data``. Label names of a ``ClassLabel`` column keep their order.

    Raises:
        UserError: If the data have a fault; rows are counted from 1.

    Examples:
        >>> rows = [{"text": f"text {i}", "label": "yes" if i % 2 else "no"} for i in range(20)]
        >>> data = task_data(rows)
        >>> data.label_names, len(data.train), len(data.validation), len(data.test)
        (('no', 'yes'), 14, 2, 4)
    """
    if kind not in KINDS:
        raise UserError(f"kind {kind!r} is unknown; choose from {', '.join(KINDS)}")
    tables: Tables = {"train": table_of(train, "train")}
    if validation is not None:
        tables["validation"] = table_of(validation, "validation")
    if test is not None:
        tables["test"] = table_of(test, "test")
    return assembled(own_source(name, kind, tables, text_column, label_column, group_column))


def held_out(config: DataConfig, label_names: Sequence[str]) -> tuple[str, Dataset, tuple[str, ...]]:
    kind: Kind = "classification" if label_names else "regression"
    if config.task not in (None, kind, *TASKS):
        raise UserError(f"--task {config.task}: the model is for {kind} of texts; leave --task out, or give that")
    if config.test_file and not config.train_file and config.task not in TASKS:
        table = read_table(Path(config.test_file))
        columns = own_columns(table, config.text_column, config.label_column)
        known = {name: i for i, name in enumerate(label_names)}
        found = classified(table, columns, known) if known else graded(table, columns)
        return table.source, most(found, config.max_eval_samples), DEFAULT_MEASURES[kind]
    data = load_data(config)
    examples = data.splits[data.eval_split]
    if sorted(data.label_names) != sorted(label_names):
        ours, theirs = (", ".join(names) or "a number" for names in (label_names, data.label_names))
        raise UserError(
            f"the model predicts {ours}, but {data.name} has {theirs}; give data of the kind that it was trained on"
        )
    if data.label_names != tuple(label_names):  # the model has them in another order
        ids = [tuple(label_names).index(name) for name in data.label_names]
        labels = [ids[label] for label in examples["label"][:]]
        examples = examples.remove_columns("label").add_column("label", labels)
    return f"{data.name} {data.eval_split}", examples, data.measures


def glue_texts(path: str, label_names: Sequence[str]) -> tuple[Dataset, list[str]]:
    """The texts of a test file of a GLUE task with these labels, and the index of each."""
    forms = [
        columns.texts
        for task in TASKS.values()
        for columns in task.columns
        if task.label_names == tuple(label_names) and not task.bundled
    ]
    table = read_table(Path(path), benchmark=True)
    if not forms:
        names = ", ".join(label_names)
        raise UserError(f"--format glue: the model predicts {names}, the labels of no GLUE task; leave the option out")
    texts = next((form for form in forms if set(form) <= table.columns.keys()), forms[0])
    index = ["index"] if "index" in table.columns else []
    require(table, [*texts, *index])
    numbers = map(str, range(len(table.numbers)))
    return unlabelled(table, texts), [str(index) for index in table.columns.get("index", numbers)]


def unlabelled_texts(path: str, text_column: str | None) -> Dataset:
    """Texts of a user's file, which needs no labels, with the columns ``text`` and optionally ``text_pair``."""
    table = read_table(Path(path))
    texts = text_columns(table, text_column)
    require(table, texts)
    return unlabelled(table, texts)
