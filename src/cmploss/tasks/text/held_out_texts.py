"""Examples for a model that is already trained: labelled ones to score, unlabelled ones to predict."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cmploss.errors import UserError
from cmploss.tasks.catalog import DEFAULT_MEASURES, TASKS
from cmploss.tasks.data_config import DataConfig
from cmploss.tasks.text.columns import own_columns, require_columns, text_columns
from cmploss.tasks.text.labelled_texts import classified, graded, unlabelled
from cmploss.tasks.text.load_texts import load_data
from cmploss.tasks.text.table_files import read_table

if TYPE_CHECKING:
    from datasets import Dataset


def held_out(config: DataConfig, label_names: Sequence[str]) -> tuple[str, Dataset, tuple[str, ...]]:
    """The examples to score a trained model on.

    Args:
        config: A task (its test split is taken, else its validation split), or ``test_file`` alone for an own file.
        label_names: The model's label names by id; () for a regression model.

    Returns:
        What the examples are called, the examples, and the measures to report.

    Raises:
        UserError: The data have a fault or labels that the model does not know.
    """
    if config.test_file and not config.train_file and config.task not in TASKS:
        table = read_table(Path(config.test_file))
        columns = own_columns(table, config.text_column, config.label_column)
        if not label_names:
            return table.source, graded(table, columns), DEFAULT_MEASURES["regression"]
        known = {name: i for i, name in enumerate(label_names)}
        return table.source, classified(table, columns, known), DEFAULT_MEASURES["classification"]
    data = load_data(config)
    if data.label_names != tuple(label_names):
        ours, theirs = (", ".join(names) or "a number" for names in (label_names, data.label_names))
        raise UserError(
            f"the model predicts {ours}, but {data.name} has {theirs}; give the data that it was trained for"
        )
    return f"{data.name} {data.eval_split}", data.splits[data.eval_split], data.measures


def unlabelled_texts(path: str, text_column: str | None) -> Dataset:
    """Texts of an own file, which needs no labels, with the columns ``text`` and perhaps ``text_pair``.

    Raises:
        UserError: The file has a fault, or its text column is unclear.
    """
    table = read_table(Path(path))
    texts = text_columns(table, text_column)
    require_columns(table, texts)
    return unlabelled(table, texts)
