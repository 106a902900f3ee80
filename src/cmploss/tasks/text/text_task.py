"""Text classification and regression as a task."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray
from transformers import DataCollatorWithPadding, PreTrainedTokenizerBase

from cmploss.experiment import Noise, RunRecord, Score
from cmploss.measures import Measure, score
from cmploss.measures.own_measures import check_measures, read_measures, settings_of_measures
from cmploss.model_config import HeadInit, MaxLength, ModelConfig, Pooling
from cmploss.models import default_learning_rate, head_init_of, load_tokenizer, new_classifier, pooling_of, save_model
from cmploss.tasks.ablation_curve import AblationPoint, Submodels, curve_scores, submodel_curve
from cmploss.tasks.base import LearningTask, Results, Sample, eval_split, refuse_crops, splits_to_score
from cmploss.tasks.folds import Fold
from cmploss.tasks.model_card import classifier_card
from cmploss.tasks.splits import SELECTION_SPLIT, Split
from cmploss.tasks.text.classify import Predictions, predict
from cmploss.tasks.text.encoding import INPUTS, check_length, covering_length, encode, notes_of_encoding, token_counts
from cmploss.tasks.text.labelled_texts import TEXT_FIELDS
from cmploss.tasks.text.noise.add_noise import add_noise, noise_note, write_noisy
from cmploss.tasks.text.probe import LinearModel, fit_linear
from cmploss.tasks.text.reference_rows import ReferenceRows
from cmploss.tasks.text.subsample import few_shot
from cmploss.tasks.text.text_data import TaskData, fold_of, with_balanced_test
from cmploss.tasks.text.text_vectors import cls_vectors, final_linear, head_vectors, start_head

MAX_LENGTH = 128
Measures = Sequence[str] | Mapping[str, Measure]


class TextTask(LearningTask):
    """Texts as token ids; each split is encoded once."""

    def __init__(
        self,
        data: TaskData,
        model: str,
        max_length: MaxLength = None,
        measures: Mapping[str, Measure] | None = None,
        *,
        pooling: Pooling = "auto",
        head_init: HeadInit = "auto",
    ):
        self.data, self.model = data, model
        self.name, self.measures, self.sizes = data.name, data.measures, data.sizes
        self.label_names, self.undivided = data.label_names, len(data.whole or ())
        self.tokenizer: PreTrainedTokenizerBase = load_tokenizer(model)
        limit = self.tokenizer.model_max_length
        counts = {split: token_counts(examples, self.tokenizer) for split, examples in data.splits.items()}
        if max_length == "auto":
            max_length = min(covering_length(counts["train"][0]), limit)
        self.max_length = min(MAX_LENGTH, limit) if max_length is None else max_length
        check_length(self.tokenizer, self.max_length, sum(name in TEXT_FIELDS for name in data.train.column_names))
        special = self.tokenizer.num_special_tokens_to_add(pair=TEXT_FIELDS[1] in data.train.column_names)
        self.notes = (*data.notes, *notes_of_encoding(counts, self.max_length, limit, special))
        # Saved with the model, so that evaluation uses the training length.
        self.tokenizer.model_max_length = min(self.max_length, limit)
        self.pooling = pooling_of(model, pooling)
        self.head_init = head_init_of(model, head_init, self.pooling)
        self.model_class = "AutoModelForSequenceClassification"
        # Defaults of earlier versions are left out, so that their runs keep their identity.
        self.settings: Mapping[str, Any] = {"max_length": self.max_length}
        if data.declared:
            self.settings = {**self.settings, "label_names": list(data.declared)}
        if data.also:
            self.settings = {**self.settings, "also_test": dict(data.also_fingerprints())}
        if self.pooling != "head":
            self.model_class = "sentence_transformers.CrossEncoder"
            self.settings = {**self.settings, "pooling": self.pooling}
        if self.head_init != "random":
            self.settings = {**self.settings, "head_init": self.head_init}
        self._measures, self._scored_by = measures, measures or data.measures
        if measures is not None:
            self.measures = tuple(measures)
            self.settings = {**self.settings, "measures": settings_of_measures(measures)}
        self.training = {"learning_rate": default_learning_rate(model)}
        self.description = f"{len(data.label_names)} classes" if data.label_names else "regression"
        self._encoded: dict[Split, Dataset] = {}
        self._sampled: tuple[Sample, tuple[Dataset, Dataset]] | None = None

    def fingerprints(self) -> Mapping[Split, str]:
        return self.data.fingerprints()

    def split(self, name: Split) -> Dataset:
        if name not in self._encoded:
            self._encoded[name] = self._encode(self.data.splits[name])
        return self._encoded[name]

    def new_model(self, seed: int, start: Path | None = None) -> Any:
        return new_classifier(str(start or self.model), self.label_names, seed=seed, pooling=self.pooling)

    def start_head(self, model: Any, sample: Sample | None) -> None:
        """Initialise the head by logistic or ridge regression on its inputs; equal for equal encoders."""
        if self.head_init == "probe":
            final_linear(model)
            if sample is not None:
                start_head(model, self.probe(model, sample))

    def probe(self, model: Any, sample: Sample) -> LinearModel:
        encoded = self.train(sample)
        return fit_linear(head_vectors(model, self.tokenizer, encoded), encoded["labels"][:], len(self.label_names))

    def reference_rows(self) -> ReferenceRows:
        """A linear model on the frozen encoder, and one on words."""
        return ReferenceRows(self, self._scored_by)

    def examples(self, sample: Sample) -> int:
        return sample.size or self.sizes["train"]

    def sampled(self, sample: Sample) -> tuple[Dataset, Dataset]:
        """The examples of a sample, clean and with their noise."""
        if self._sampled is None or self._sampled[0] != sample:  # kept for the notes of the same run
            train = self.data.train
            clean = train if sample.size is None else few_shot(train, sample.size, sample.seed)
            names, models = self.label_names, sample.translation
            noisy = add_noise(clean, sample.noise, seed=sample.seed, label_names=names, translation=models)
            self._sampled = sample, (clean, noisy)
        return self._sampled[1]

    def train(self, sample: Sample, crops: int = 0) -> Any:
        refuse_crops(crops)
        if (sample.size, sample.noise) == (None, Noise()):
            return self.split("train")
        return self._encode(self.sampled(sample)[1])

    def class_weights(self, sample: Sample) -> list[float]:
        """``n / (k · n_c)``: n examples, k classes that they have, n_c examples of the class; as in scikit-learn.

        A class without examples has the weight 0.
        """
        if not self.label_names:
            return list(super().class_weights(sample))
        counts = np.bincount(self.train(sample)["labels"][:], minlength=len(self.label_names))
        weights = np.where(counts > 0, counts.sum() / ((counts > 0).sum() * counts.clip(min=1)), 0.0)
        return [float(weight) for weight in weights]

    def sample_notes(self, sample: Sample) -> tuple[str, ...]:
        if sample.noise == Noise():
            return ()
        return (noise_note(*self.sampled(sample), sample.noise, seed=sample.seed),)

    def write_noisy(self, sample: Sample, path: Path) -> None:
        write_noisy(path, *self.sampled(sample), label_names=self.label_names)

    def validation(self) -> Any:
        return self.split(SELECTION_SPLIT)

    def collator(self, model: Any) -> Callable[[Any], Any]:
        return DataCollatorWithPadding(self.tokenizer)

    def kept_logits(self) -> Callable[[Any, Any], Any]:
        """The logits alone: encoder-decoder models have other outputs too."""
        return lambda outputs, labels: outputs[0] if isinstance(outputs, tuple) else outputs

    def scorer(self, model: Any) -> Callable[[Any], dict[str, float]]:
        def scores(result: Any) -> dict[str, float]:
            found = Predictions(np.asarray(result.predictions), losses=np.empty(0))
            return score(self._scored_by, found.values, np.asarray(result.label_ids))

        return scores

    def results(self, model: Any, batch_size: int, submodels: Submodels) -> Results:
        scores: list[Score] = []
        predictions = {}
        for split in splits_to_score(self):
            encoded, ablated = self.split(split), submodels if split == eval_split(self) else Submodels()
            run = partial(predict, model, self.tokenizer, encoded, batch_size=batch_size)
            found, reached, curve = scored_texts(run, encoded, self._scored_by, ablated)
            scores += [*Score.of(split, reached), *curve_scores(split, curve)]
            predictions[str(split)] = {
                "labels": encoded["labels"][:],
                "predictions": found.values.tolist(),
                "probabilities": found.probabilities.round(5).tolist(),
            }
        for name, examples in self.data.also.items():
            encoded = self._encode(examples)
            run = partial(predict, model, self.tokenizer, encoded, batch_size=batch_size)
            scores += Score.of(name, scored_texts(run, encoded, self._scored_by, Submodels())[1])
        return Results(scores, predictions)

    def texts(self, split: Split) -> list[tuple[str, str]]:
        columns = self.data.splits[split][:]
        pairs = columns.get("text_pair") or [""] * len(columns["text"])
        return list(zip(columns["text"], pairs, strict=True))

    def labels(self, split: Split) -> list[int]:
        return list(self.data.splits[split]["label"][:]) if self.label_names else []

    def vectors(self, model: Any, split: Split) -> NDArray[np.float64]:
        return cls_vectors(model, self.tokenizer, self.split(split))

    def balanced(self, size: int) -> "TextTask":
        return self._copy(with_balanced_test(self.data, size), self._measures)

    def with_measures(self, measures: Any) -> "TextTask":
        found, labels = read_measures(measures), self.data.splits[SELECTION_SPLIT]["label"][:]
        every_class = [*labels, *range(len(self.label_names))]  # a model may predict one that the split lacks
        check_measures(found, np.asarray(every_class), f"{self.name}, {self.description}")
        return self._copy(self.data, found)

    def fold(self, fold: Fold) -> "TextTask":
        return self._copy(fold_of(self.data, fold), self._measures)

    def with_model(self, model: ModelConfig) -> "TextTask":
        return TextTask(
            self.data, model.model, model.max_length, self._measures, pooling=model.pooling, head_init=model.head_init
        )

    def _copy(self, data: TaskData, measures: Mapping[str, Measure] | None) -> "TextTask":
        return TextTask(data, self.model, self.max_length, measures, pooling=self.pooling, head_init=self.head_init)

    def save(self, model: Any, folder: Path, record: RunRecord) -> None:
        fields = self.data.train.column_names
        self.tokenizer.init_kwargs[INPUTS] = sum(field in fields for field in TEXT_FIELDS)
        save_model(model, self.tokenizer, folder, classifier_card(record))

    def _encode(self, dataset: Dataset) -> Dataset:
        return encode(dataset, self.tokenizer, self.max_length)


def scored_texts(
    run: Callable[..., Predictions], encoded: Dataset, measures: Measures, submodels: Submodels
) -> tuple[Predictions, dict[str, float], list[AblationPoint]]:
    """Predictions and scores of a classifier on encoded texts, and the scores of its submodels.

    ``run`` takes the options of a submodel of :func:`cmploss.tasks.text.classify.predict`.
    """
    labels = np.asarray(encoded["labels"])

    def scored(found: Predictions) -> dict[str, float]:
        return score(measures, found.values, labels)

    full = run()
    return full, scored(full), submodel_curve(full, run, scored, submodels)
