"""Several labels, tags or choices as a task."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from cmploss.experiment import RunRecord, Score
from cmploss.model_config import MaxLength, ModelConfig
from cmploss.models import (
    default_learning_rate,
    load_model,
    load_tokenizer,
    longest_input,
    new_model,
    save_model,
)
from cmploss.tasks.ablation_curve import AblationPoint, Submodels, curve_scores, submodel_curve
from cmploss.tasks.base import LearningTask, Results, Sample, eval_split, refuse_crops, refuse_pooling, splits_to_score
from cmploss.tasks.folds import Fold
from cmploss.tasks.model_card import row_card
from cmploss.tasks.rows.load_rows import RowData, fold_of
from cmploss.tasks.rows.row_kind import Found, RowKind
from cmploss.tasks.rows.row_kinds import KINDS
from cmploss.tasks.splits import SELECTION_SPLIT, Split, few
from cmploss.tasks.text.encoding import covering_length, notes_of_encoding, notes_on_inputs
from cmploss.training.layers import keep_layers

MAX_LENGTH = 128
TUNED = "label_threshold"
"""The fact of a record, and the field of a model's config, with the setting that is chosen on the selection split."""


class RowTask(LearningTask):
    """Examples of one kind as token ids; each split is encoded once."""

    def __init__(self, data: RowData, model: str, max_length: MaxLength = None):
        self.data, self.model = data, model
        self.name, self.sizes, self.undivided = data.name, data.sizes, len(data.whole or ())
        self.tokenizer: PreTrainedTokenizerBase = load_tokenizer(model, **KINDS[data.task].tokenizer_options)
        self.kind: RowKind = KINDS[data.task](self.tokenizer, data.names)
        self.measures, self.description = self.kind.measures, self.kind.description
        self.model_class = f"AutoModelFor{self.kind.head}"
        limit = self.tokenizer.model_max_length
        counts = {split: _token_counts(self.kind, examples) for split, examples in data.splits.items()}
        if max_length == "auto":
            max_length = min(covering_length(counts["train"][0].max(axis=1)), limit)
        self.max_length = min(MAX_LENGTH, limit) if max_length is None else max_length
        pair = self.kind.texts_of_input(data.train) == 2
        special = self.tokenizer.num_special_tokens_to_add(pair=pair)
        self.notes = (*data.notes, *notes_of_encoding(counts, self.max_length, limit, special))
        self.settings = {"kind": data.task, "max_length": self.max_length}
        self.training = {"learning_rate": default_learning_rate(model)}
        self._encoded: dict[Split, Dataset] = {}

    def fingerprints(self) -> Mapping[Split, str]:
        return self.data.fingerprints()

    def split(self, name: Split) -> Dataset:
        if name not in self._encoded:
            self._encoded[name] = self.kind.dataset(self.data.splits[name], self.max_length)
        return self._encoded[name]

    def new_model(self, seed: int, start: Path | None = None) -> Any:
        return new_model(str(start or self.model), self.kind.head, seed=seed, **self.kind.config)

    def train(self, sample: Sample, crops: int = 0) -> Any:
        refuse_crops(crops)
        size, split = sample.size, self.split("train")
        return split if size is None else split.select(few(len(split), size, sample.seed))

    def validation(self) -> Any:
        return self.split(SELECTION_SPLIT)

    def collator(self, model: Any) -> Callable[[Any], Any]:
        return self.kind.collator

    def kept_logits(self) -> Callable[[Any, Any], Any]:
        return lambda outputs, labels: labels  # the scorer runs the model again

    def scorer(self, model: Any) -> Callable[[Any], dict[str, float]]:
        """Scores on the selection split, in one more pass: the Trainer sorts and pads what it has predicted."""

        def scores(_: Any) -> dict[str, float]:
            training = model.training
            found = self._run(model, SELECTION_SPLIT, 64)
            model.train(training)
            return self.kind.scores(found, self.kind.tuned(found))

        return scores

    def results(self, model: Any, batch_size: int, submodels: Submodels) -> Results:
        """Scores and predictions; what is tuned is tuned on the selection split."""
        found = {split: self._run(model, split, batch_size) for split in splits_to_score(self)}
        tuned, reported = self.kind.tuned(found[SELECTION_SPLIT]), eval_split(self)
        scored = partial(self.kind.scores, tuned=tuned)
        scores = [score for split, each in found.items() for score in Score.of(split, scored(each))]
        run = partial(self._run, model, reported, batch_size)
        scores += curve_scores(reported, submodel_curve(found[reported], run, scored, submodels))
        lists = {str(split): self.kind.lists(each, tuned) for split, each in found.items()}
        return Results(scores, lists, {} if tuned is None else {TUNED: tuned})

    def texts(self, split: Split) -> list[tuple[str, str]]:
        return self.kind.texts(self.data.splits[split])

    def fold(self, fold: Fold) -> "RowTask":
        return RowTask(fold_of(self.data, fold), self.model, self.max_length)

    def with_model(self, model: ModelConfig) -> "RowTask":
        refuse_pooling(model, self.name)
        return RowTask(self.data, model.model, model.max_length)

    def save(self, model: Any, folder: Path, record: RunRecord) -> None:
        if TUNED in record.data:
            setattr(model.config, TUNED, record.data[TUNED])
        self.tokenizer.model_max_length = min(self.max_length, self.tokenizer.model_max_length)
        save_model(model, self.tokenizer, folder, row_card(record, self.kind.head, self.kind.pipeline))

    def _run(self, model: Any, split: Split, batch_size: int, **submodel: Any) -> Found:
        return self.kind.run(model, self.data.splits[split], self.split(split), batch_size=batch_size, **submodel)


class TrainedRows:
    """A fine-tuned model for a task of ``ROW_TASKS``, with its kind and what was tuned.

    Args:
        folder: A folder that ``save`` wrote.
        task: The task.
        max_length: Longest input in tokens; as in training by default.
        layers: Number of lowest layers that are used; all by default.
    """

    def __init__(self, folder: str, task: str, max_length: int | None = None, layers: int | None = None):
        self.model = keep_layers(load_model(folder, KINDS[task].head), layers, "layers")
        tokenizer = load_tokenizer(folder, **KINDS[task].tokenizer_options)
        names = self.model.config.id2label
        self.kind = KINDS[task](tokenizer, [names[index] for index in range(len(names))])
        self.tuned: float | None = getattr(self.model.config, TUNED, None)
        self._max_length = longest_input(tokenizer) if max_length is None else max_length

    def notes(self, examples: Sequence[Any]) -> list[str]:
        """What the model does not read of examples."""
        return list(notes_on_inputs(*_token_counts(self.kind, examples), self._max_length, "the data"))

    def run(self, examples: Sequence[Any], batch_size: int | None) -> Callable[..., Found]:
        """The outputs of the model, or of its submodel with the options of that."""
        encoded = self.kind.dataset(examples, self._max_length)
        return partial(self.kind.run, self.model, examples, encoded, batch_size=batch_size)

    def curve(self, run: Callable[..., Found], full: Found, submodels: Submodels) -> list[AblationPoint]:
        return submodel_curve(full, run, partial(self.kind.scores, tuned=self.tuned), submodels)


def _token_counts(kind: RowKind, examples: Sequence[Any]) -> tuple[NDArray[np.int64], int]:
    """The tokens of the uncut sequences of each example ``(examples, sequences)``, and the number of unknown ones."""
    unknown, lengths = kind.tokenizer.unk_token_id, []
    count = 0
    for ids in kind.encoded(examples, verbose=False)["input_ids"]:
        sequences = ids if isinstance(ids[0], list) else [ids]
        lengths.append([len(each) for each in sequences])
        count += sum(each.count(unknown) for each in sequences)
    return np.array(lengths), count
