"""Text classification and regression in a study."""

from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from transformers import DataCollatorWithPadding, PreTrainedTokenizerBase

from cmploss.errors import UserError
from cmploss.experiment import Noise, RunRecord, Score
from cmploss.measures import score
from cmploss.models import load_tokenizer, new_classifier, save_model
from cmploss.tasks.ablation_curve import Submodels, curve_scores, submodel_curve
from cmploss.tasks.base import SELECTION_PART, Results, Sample, parts_to_score, reported_part
from cmploss.tasks.model_card import classifier_card
from cmploss.tasks.text import TaskData, encode, few_shot
from cmploss.tasks.text.classify import Predictions, predict
from cmploss.tasks.text.noise import add_noise, noise_note


class TextTask:
    """A task's parts as token ids, each encoded once.

    Args:
        data: The examples.
        model: Hub id or folder.
        max_length: Longest input in tokens.
    """

    def __init__(self, data: TaskData, model: str, max_length: int):
        self.data = data
        self.tokenizer: PreTrainedTokenizerBase = load_tokenizer(model)
        # Saved with the model, so that it is evaluated as it was trained.
        self.tokenizer.model_max_length = min(max_length, self.tokenizer.model_max_length)
        self.max_length = max_length
        self._model = model
        self.part = cache(self._part)

    @property
    def description(self) -> str:
        """The number of classes."""
        return f"{len(self.data.label_names)} classes" if self.data.label_names else "regression"

    @property
    def model_class(self) -> str:
        """For classes and numbers alike."""
        return "AutoModelForSequenceClassification"

    def new_model(self, seed: int, start: Path | None = None) -> Any:
        """A classifier with a new head; a checkpoint keeps its head if it has one of this size."""
        return new_classifier(str(start or self._model), self.data.label_names, seed=seed)

    def examples(self, sample: Sample) -> int:
        """One for each text."""
        return sample.size or len(self.data.train)

    def sampled(self, sample: Sample) -> tuple[Dataset, Dataset]:
        """The examples of a sample, clean and with their noise.

        Raises:
            UserError: As :func:`cmploss.tasks.text.noise.add_noise`.
        """
        train = self.data.train
        clean = train if sample.size is None else few_shot(train, sample.size, sample.seed)
        names, models = self.data.label_names, sample.translation
        return clean, add_noise(clean, sample.noise, seed=sample.seed, label_names=names, translation=models)

    def train(self, sample: Sample, crops: int = 0) -> Any:
        """Encoded training examples.

        Raises:
            UserError: For crops: a text has no segments; or as :meth:`sampled`.
        """
        if crops:
            raise UserError(
                f"--n_crop {crops} drops segments of a context, and texts have none; it is for --task hotpotqa, "
                "question_answering, and squad with --distractors"
            )
        if (sample.size, sample.noise) == (None, Noise()):
            return self.part("train")
        return self._encoded(self.sampled(sample)[1])

    def notes(self, sample: Sample) -> tuple[str, ...]:
        """How much the noise changed."""
        if sample.noise == Noise():
            return ()
        return (noise_note(*self.sampled(sample), sample.noise, seed=sample.seed),)

    def validation(self) -> Any:
        """Encoded validation examples."""
        return self.part(SELECTION_PART)

    def collator(self, model: Any) -> Callable[[Any], Any]:
        """Padding to the longest text of a batch."""
        return DataCollatorWithPadding(self.tokenizer)

    def scorer(self, model: Any) -> Callable[[Any], dict[str, float]]:
        """The task's measures of the Trainer's predictions."""
        return lambda result: score(
            self.data.measures, _values(np.asarray(result.predictions)), np.asarray(result.label_ids)
        )

    def results(self, model: Any, batch_size: int, submodels: Submodels) -> Results:
        """Scores, classes and probabilities."""
        scores: list[Score] = []
        predictions = {}
        for part in parts_to_score(self.data):
            run = partial(predict, model, self.tokenizer, self.part(part), batch_size=batch_size)
            labels = np.asarray(self.part(part)["labels"])
            scored = partial(_scores, self.data.measures, labels)
            found = run()
            scores += Score.of(part, scored(found))
            predictions[str(part)] = _as_lists(found, labels)
            if part == reported_part(self.data):
                scores += curve_scores(part, submodel_curve(found, run, scored, submodels))
        return Results(scores, predictions)

    def save(self, model: Any, folder: Path, record: RunRecord) -> None:
        """A plain checkpoint and its card."""
        save_model(model, self.tokenizer, folder, classifier_card(record))

    def _part(self, name: str) -> Dataset:
        return self._encoded(getattr(self.data, name))

    def _encoded(self, dataset: Dataset) -> Dataset:
        return encode(dataset, self.tokenizer, self.max_length)


def _values(outputs: np.ndarray) -> np.ndarray:
    return outputs.reshape(len(outputs), -1)[:, 0] if outputs.shape[-1] == 1 else outputs.argmax(-1)


def _scores(measures: Sequence[str], labels: np.ndarray, found: Predictions) -> dict[str, float]:
    return score(measures, found.values, labels)


def _as_lists(found: Predictions, labels: np.ndarray) -> dict[str, Any]:
    return {
        "labels": labels.tolist(),
        "predictions": found.values.tolist(),
        "probabilities": found.probabilities.round(5).tolist(),
    }
