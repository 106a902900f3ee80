"""Scores of simple models on the sample of a run: a linear model on the frozen encoder, and one on words."""

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray

from cmploss.errors import UserError
from cmploss.experiment import Score
from cmploss.measures import Measure, score
from cmploss.tasks.base import Results, Sample, splits_to_score
from cmploss.tasks.splits import Split
from cmploss.tasks.text.labelled_texts import TEXT_FIELDS
from cmploss.tasks.text.probe import fit_linear, tfidf_model
from cmploss.tasks.text.text_vectors import final_linear, head_vectors

logger = logging.getLogger(__name__)


class ReferenceRows:
    """Scores of ``probe`` and ``tfidf``; the vectors of the scored splits are computed once.

    The probe is :func:`cmploss.tasks.text.probe.fit_linear` on the inputs of the last linear layer of the untrained
    model; other new weights are drawn with seed 0. A model without such a layer has no probe.

    Args:
        task: A :class:`cmploss.tasks.text.text_task.TextTask`.
        measures: Names of its measures, or a mapping from names to measures.
    """

    def __init__(self, task: Any, measures: Sequence[str] | Mapping[str, Measure]):
        self._task, self._measures = task, measures
        self._texts: dict[Split, Dataset] = {split: task.data.splits[split] for split in splits_to_score(task)}

    def __call__(self, sample: Sample) -> dict[str, Results]:
        """Name of the simple model → its scores when trained on the sample."""
        classes, (_, train) = len(self._task.label_names), self._task.sampled(sample)
        labels = train["label"][:]
        found = {}
        if self._vectors is not None:
            vectors = head_vectors(self._model, self._task.tokenizer, self._task.train(sample))
            model = fit_linear(vectors, labels, classes)
            of_split = self._vectors
            found["probe"] = self._scored(lambda split: model.values(of_split[split]), {"strength": model.strength})
        try:
            predict = tfidf_model(_joined(train), labels, classes)
        except ValueError as error:  # there is no word of two letters
            logger.warning("note: the row tfidf is left out: %s", error)
            return found
        found["tfidf"] = self._scored(lambda split: predict(_joined(self._texts[split])), {})
        return found

    def _scored(self, values: Callable[[Split], NDArray[Any]], facts: dict[str, Any]) -> Results:
        scores = [
            each
            for split, dataset in self._texts.items()
            for each in Score.of(split, score(self._measures, values(split), np.asarray(dataset["label"])))
        ]
        return Results(scores, {}, facts)

    @cached_property
    def _model(self) -> Any:
        return self._task.new_model(0)

    @cached_property
    def _vectors(self) -> dict[Split, NDArray[np.float64]] | None:
        model = self._model
        try:
            final_linear(model)
        except UserError as error:
            logger.warning("note: the row probe is left out: %s", error)
            return None
        encoded = {split: self._task.split(split) for split in self._texts}
        return {split: head_vectors(model, self._task.tokenizer, of) for split, of in encoded.items()}


def _joined(dataset: Dataset) -> list[str]:
    """Texts; the two texts of a pair are joined."""
    columns = [dataset[field][:] for field in TEXT_FIELDS if field in dataset.column_names]
    return [" ".join(row) for row in zip(*columns, strict=True)]
