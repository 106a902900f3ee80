"""Sources of tables: a user's files, GLUE's original files, the hub, or the package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cmploss.errors import UserError
from cmploss.tasks.catalog import DEFAULT_MEASURES, HUB, TASKS, Columns, Kind
from cmploss.tasks.data_config import DataConfig
from cmploss.tasks.data_tables import Table, table_of
from cmploss.tasks.splits import SPLITS, Split
from cmploss.tasks.text.columns import own_columns, published_columns, require
from cmploss.tasks.text.table_files import read_table

if TYPE_CHECKING:
    from datasets import Dataset

Tables = dict[Any, Table]


@dataclass(frozen=True)
class Source:
    """Unchecked tables, and how to read them."""

    name: str
    kind: Kind
    tables: Mapping[Split, Table]
    columns: Mapping[Any, Columns]  # of every split, and of more test data
    measures: tuple[str, ...]
    label_names: tuple[str, ...] = ()  # () if they are read from the training split
    notes: tuple[str, ...] = ()
    also: Mapping[str, Table] = field(default_factory=dict)  # more test data


def own_source(
    name: str,
    kind: Kind,
    tables: Mapping[Split, Table],
    text_column: str | None,
    label_column: str | None,
    group_column: str | None = None,
) -> Source:
    columns = replace(own_columns(tables["train"], text_column, label_column), group=group_column)
    if group_column in (*columns.texts, columns.label):
        raise UserError(f"--group_column {group_column!r} is also a text or label column; give another column")
    return Source(name, kind, tables, dict.fromkeys(tables, columns), DEFAULT_MEASURES[kind])


def configured_source(config: DataConfig) -> Source:
    source, task = _main_source(config), TASKS.get(config.task or "")
    also: dict[str, Table] = {}
    for word in (config.also_test or "").split(",") if config.also_test else ():
        name, equals, file = word.partition("=")
        if not (name and equals and file) or name in (*SPLITS, *source.also, *also):
            raise UserError(f"--also_test {word}: write NAME=FILE, each name once, none of {', '.join(SPLITS)}")
        also[name] = read_table(Path(file), benchmark=task is not None, positions=task.positions if task else ())
    train = source.columns["train"]
    columns = {name: published_columns(table, task.columns) if task else train for name, table in also.items()}
    return replace(source, columns={**source.columns, **columns}, also={**source.also, **also})


def _main_source(config: DataConfig) -> Source:
    if config.task is not None and config.task in TASKS:
        return _published(config.task, config)
    kind: Kind = "regression" if config.task == "regression" else "classification"
    columns = config.text_column, config.label_column, config.group_column
    if config.dataset:
        return _hub_source(config.dataset, kind, *columns)
    paths = _given_files(config)
    tables = {split: read_table(path) for split, path in paths.items()}
    return own_source(paths["train"].stem, kind, tables, *columns)


def _hub_source(dataset: str, kind: Kind, *columns: str | None) -> Source:
    """Texts of a data set ``org/name[@revision][:config]``; a test split without labels is left out."""
    name, _, subset = dataset.partition(":")
    name, _, revision = name.partition("@")
    names: dict[Split, str] = {split: split for split in SPLITS}
    where = (name, subset) if subset else (name,)
    options = {"revision": revision} if revision else {}
    found = hub_splits(f"--dataset {dataset}", where, names, "give a data set with a split called train", **options)
    tables = {split: table_of(rows, f"{dataset} {split}") for split, rows in found.items()}
    source = own_source("-".join(Path(part).name for part in where), kind, tables, *columns)
    label = source.columns["train"].label
    if "test" not in tables or any(value is not None for value in tables["test"].columns.get(label, ())):
        return source
    labelled: Tables = {split: table for split, table in tables.items() if split != "test"}
    return replace(source, tables=labelled, notes=(f"The test split of {dataset} has no labels and is not used.",))


def _published(name: str, config: DataConfig) -> Source:
    task = TASKS[name]
    notes: list[str] = []
    if task.bundled:
        tables = _bundled(name)
    elif config.data_dir:
        tables, notes = _original_files(name, Path(config.data_dir))
    elif config.train_file:
        tables = _benchmark_tables(name, _given_files(config))
    else:
        tables, notes = _hub(name)
    columns = {split: published_columns(table, task.columns) for split, table in tables.items()}
    also = {more: tables.pop(more) for more in task.also if more in tables}
    return Source(name, task.kind, tables, columns, task.measures, task.label_names, tuple(notes), also)


def _given_files(config: DataConfig) -> dict[Split, Path]:
    given = {split: getattr(config, f"{split}_file") for split in SPLITS}
    return {split: Path(name) for split, name in given.items() if name}


def _bundled(name: str) -> Tables:
    tables: Tables = {}
    for split in SPLITS:
        with as_file(files("cmploss").joinpath("data", name, f"{split}.csv")) as path:
            tables[split] = read_table(path)
    return tables


def _original_files(name: str, folder: Path) -> tuple[Tables, list[str]]:
    names = TASKS[name].files
    found = {split: [folder / file for file in names[split] if (folder / file).is_file()] for split in SPLITS}
    paths = {split: candidates[0] for split, candidates in found.items() if candidates}
    if list(paths) == ["validation"]:
        path = paths["validation"]
        return _benchmark_tables(name, {"train": path}), [f"{path} is the only labelled file of {name} in its folder."]
    if "train" not in paths:
        wanted = ", ".join([*names["train"], *names["validation"]])
        raise UserError(f"--data_dir {folder}: no original file of {name} to train on; looked for {wanted}")
    more = {
        also: [folder / file for file in each if (folder / file).is_file()] for also, each in TASKS[name].also.items()
    }
    return _benchmark_tables(name, {**paths, **{also: each[0] for also, each in more.items() if each}}), []


def _benchmark_tables(name: str, paths: Mapping[Any, Path]) -> Tables:
    positions = TASKS[name].positions
    return {split: read_table(path, benchmark=True, positions=positions) for split, path in paths.items()}


def hub_splits(
    option: str, dataset: tuple[str, ...], names: Mapping[Any, str], remedy: str, **options: str
) -> dict[Any, Dataset]:
    """Splits of a data set on the hub, by their names there; only train must exist."""
    import datasets

    try:
        found = datasets.load_dataset(*dataset, **options)
        return {split: found[name] for split, name in names.items() if split == "train" or name in found}
    except Exception as error:  # the hub's client raises errors of several libraries
        reason = str(error).partition("\n")[0]
        raise UserError(
            f"{option}: {dataset[0]} cannot be loaded ({type(error).__name__}: {reason}); {remedy}"
        ) from error


def _hub(name: str) -> tuple[Tables, list[str]]:
    task = TASKS[name]
    names = {"train": "train", "validation": task.hub_validation, **{more: each[0] for more, each in task.also.items()}}
    found = hub_splits(f"--task {name}", (HUB, name), names, "give --data_dir with the original files")
    tables: Tables = {}
    notes = []
    for split, dataset in found.items():
        table = table_of(dataset, f"{HUB} {name} {split}")
        columns = published_columns(table, task.columns)
        require(table, columns.names)
        # A few published questions are empty (QQP); they are left out.
        full = [i for i in range(len(dataset)) if all((table.columns[text][i] or "").strip() for text in columns.texts)]
        if len(full) < len(dataset):
            table = table_of(dataset.select(full), table.source)
            notes.append(f"Examples of {table.source} dropped for an empty text: {len(dataset) - len(full)}.")
        tables[split] = table
    return tables, notes
