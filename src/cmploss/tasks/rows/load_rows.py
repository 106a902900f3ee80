"""The data of a task of ``ROW_TASKS``: its tables, its examples, its splits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cmploss.errors import UserError
from cmploss.model_config import ModelConfig
from cmploss.tasks.choices.choice_rows import choice_names, read_choices
from cmploss.tasks.data_config import DataConfig, check_config
from cmploss.tasks.data_tables import Table
from cmploss.tasks.folds import Fold
from cmploss.tasks.labels.label_rows import label_names, note_on_single, read_labels
from cmploss.tasks.rerank.judged_rows import judged_names, query_of, read_judged, unscored_queries
from cmploss.tasks.splits import (
    SEED,
    SHARES,
    SPLITS,
    TITLES,
    Split,
    WithSplits,
    notes_on_shared,
    sample,
    split_missing,
    subsample,
)
from cmploss.tasks.tags.tag_rows import open_tags, read_tags, tag_names
from cmploss.tasks.text.table_files import read_table

if TYPE_CHECKING:
    from cmploss.tasks.rows.row_task import RowTask

Examples = tuple[Any, ...]


@dataclass(frozen=True)
class RowFormat:
    """How the examples of a task are read.

    Attributes:
        read: (table, columns, known names or None, whether labelled) → the examples of a table.
        names: (training examples, their source) → the names of what is predicted.
        open: File → table.
        group: Example → what must not be divided by a split; by default each example is by itself.
        unit: What a group is called.
        unscored: (examples to score, their name) → notes on what has no score; refuses examples without any score.
        of_training: (training examples, their name) → notes.
        open_names: Whether a model scores other names than those that it was trained on, as many as a file has.
    """

    read: Callable[[Table, DataConfig, Sequence[str] | None, bool], Examples]
    names: Callable[[Examples, str], tuple[str, ...]]
    open: Callable[[Path], Table] = read_table
    group: Callable[[Any], str] | None = None
    unit: str = "example"
    unscored: Callable[[Examples, str], Sequence[str]] = lambda examples, data: ()
    of_training: Callable[[Examples, str], Sequence[str]] = lambda examples, data: ()
    open_names: bool = False

    @property
    def plural(self) -> str:
        return "queries" if self.unit == "query" else f"{self.unit}s"

    def groups(self, examples: Examples) -> list[str]:
        """The group of each example; an example without one is by itself."""
        return [(self.group and self.group(each)) or f"row {row}" for row, each in enumerate(examples)]

    def drawn(self, examples: Examples, size: int) -> Examples:
        """Whole groups with at most ``size`` examples together, but one group at least."""
        groups = self.groups(examples)
        counts, kept = Counter(groups), set[str]()
        units = list(counts)
        for group in (units[number] for number in sample(len(units), None, SEED)):
            size -= counts[group]
            if kept and size < 0:
                break
            kept.add(group)
        return tuple(each for each, group in zip(examples, groups, strict=True) if group in kept)


FORMATS: Mapping[str, RowFormat] = {
    "multi_label": RowFormat(read_labels, label_names, of_training=note_on_single),
    "tags": RowFormat(read_tags, tag_names, open_tags),
    "multiple_choice": RowFormat(
        read_choices, choice_names, group=lambda each: each.context, unit="context", open_names=True
    ),
    "rerank": RowFormat(read_judged, judged_names, group=query_of, unit="query", unscored=unscored_queries),
}


@dataclass(frozen=True, kw_only=True)
class RowData(WithSplits[Examples]):
    """Checked examples of a task of ``ROW_TASKS`` in splits.

    Attributes:
        task: Its name there.
        names: The names of what is predicted, by id.
    """

    task: str
    names: tuple[str, ...]

    def _rows(self, examples: Examples) -> Iterator[object]:
        return (list(vars(example).values()) for example in examples)


def load_task(options: Mapping[type, Any]) -> RowTask:
    return task_of_data(load_rows(options[DataConfig]), options[ModelConfig])


def task_of_data(data: RowData, model: ModelConfig) -> RowTask:
    from cmploss.tasks.rows.row_task import RowTask  # imports transformers, so check the data first

    return RowTask(data, model.model, model.max_length)


def load_rows(config: DataConfig) -> RowData:
    """Load and check the data that the options name."""
    check_config(config)
    given = {split: getattr(config, f"{split}_file") for split in SPLITS}
    paths = {split: Path(name) for split, name in given.items() if name}
    open_file = FORMATS[str(config.task)].open
    return assembled({split: open_file(path) for split, path in paths.items()}, paths["train"].stem, config)


def assembled(tables: Mapping[Split, Table], name: str, config: DataConfig) -> RowData:
    """Check tables, make missing splits (20 % test, 10 % validation, random), and limit their sizes."""
    found, task = FORMATS[str(config.task)], str(config.task)
    train = found.read(tables["train"], config, None, True)
    names = found.names(train, tables["train"].source)
    given = {split: train if split == "train" else found.read(of, config, names, True) for split, of in tables.items()}

    def choose(examples: Examples, missing: Sequence[Split]) -> dict[Split, Examples]:
        groups = found.groups(examples)
        units = list(dict.fromkeys(groups))
        if len(units) <= len(missing):
            raise UserError(
                f"{tables['train'].source}: has {len(units)} {found.plural}; {len(missing) + 1} splits need "
                f"{len(missing) + 1}; add {found.plural} or give --validation_file"
            )
        rest = [units[number] for number in sample(len(units), None, SEED)]
        split_of: dict[str, Split] = dict.fromkeys(units, "train")
        for split in reversed(missing):
            size = max(1, round(SHARES[split] * len(units)))
            split_of |= dict.fromkeys(rest[:size], split)
            rest = rest[size:]
        pairs = list(zip(examples, groups, strict=True))
        return {
            split: tuple(each for each, group in pairs if split_of[group] == split) for split in ("train", *missing)
        }

    manner = f"random{'' if found.group is None else f', by {found.unit}'}, seed {SEED}"
    filled, split_notes = split_missing(given, choose, tables["train"].source, f"examples ({manner})")
    limits = config.max_train_samples, config.max_eval_samples
    kept, limit_notes = subsample(filled, *limits, found.drawn, f"examples were drawn ({manner})")
    return RowData(
        name=name,
        task=task,
        names=names,
        train=kept["train"],
        validation=kept.get("validation"),
        test=kept.get("test"),
        notes=(*split_notes, *limit_notes, *_split_notes(kept, found)),
        whole=train if list(given) == ["train"] else None,
    )


def fold_of(data: RowData, fold: Fold) -> RowData:
    """The data with the splits of one fold."""
    found, whole = FORMATS[data.task], data.undivided()
    manner = "random" if found.group is None else f"random, by {found.unit}"
    splits, note = fold.divide(whole, manner, None if found.group is None else found.groups(whole))
    return replace(data, **splits, notes=(note, *_split_notes(splits, found)))


def held_out_rows(config: DataConfig, task: str, names: Sequence[str]) -> tuple[str, Examples, Sequence[str]]:
    """The name of the examples to score a model on, these examples, and notes."""
    if config.task not in (None, task):
        raise UserError(f"--task {config.task}: the model is for --task {task}; leave --task out, or give that")
    if config.test_file and not config.train_file:
        table = FORMATS[task].open(Path(config.test_file))
        examples = FORMATS[task].read(table, config, None if FORMATS[task].open_names else names, True)
        limit = config.max_eval_samples
        if limit is not None and limit < len(examples):
            examples = FORMATS[task].drawn(examples, limit)
        return table.source, examples, FORMATS[task].unscored(examples, table.source)
    data = load_rows(replace(config, task=task))
    if data.names != tuple(names) and not FORMATS[task].open_names:
        raise UserError(f"the model predicts {', '.join(names)}, but {data.name} has {', '.join(data.names)}")
    name, examples = f"{data.name} {data.eval_split}", data.splits[data.eval_split]
    return name, examples, FORMATS[task].unscored(examples, name)


def unlabelled_rows(task: str, path: str, text_column: str | None) -> Examples:
    table = FORMATS[task].open(Path(path))
    return FORMATS[task].read(table, DataConfig(text_column=text_column), None, False)


def _split_notes(splits: Mapping[Split, Examples], found: RowFormat) -> list[str]:
    scored = [(examples, f"the {TITLES[split]} split") for split, examples in splits.items() if split != "train"]
    trained = found.of_training(splits["train"], f"the {TITLES['train']} split")
    return [*trained, *_shared(splits, found), *(note for each in scored for note in found.unscored(*each))]


def _shared(splits: Mapping[Split, Examples], found: RowFormat) -> list[str]:
    if found.group is None:
        return notes_on_shared({split: [each.shown for each in of] for split, of in splits.items()}, "text")
    if found.unit == "context":
        contexts = {split: {(each.context,) for each in of if each.context} for split, of in splits.items()}
        return notes_on_shared(contexts, found.unit)
    return notes_on_shared({split: {each.shown[:1] for each in of} for split, of in splits.items()}, found.unit)
