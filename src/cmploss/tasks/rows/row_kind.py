"""How the examples of one kind become batches, and the outputs of a model scores and predictions."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from cmploss.measures.label_scores import ClassScores
from cmploss.tasks.run_examples import Collator, run_labelled
from cmploss.tasks.text.encoding import check_length

Logits = Sequence[NDArray[np.float64]]


@dataclass(frozen=True)
class Found:
    """The logits of each example, its task loss ``(examples,)``, and the examples."""

    logits: Logits
    losses: NDArray[np.float64]
    examples: Sequence[Any]


class RowKind(ABC):
    """One kind of examples, for one tokenizer.

    Args:
        tokenizer: The tokenizer of the model.
        names: The names of what is predicted, by id.
    """

    head: ClassVar[str]
    pipeline: ClassVar[str]
    measures: ClassVar[tuple[str, ...]]
    tokenizer_options: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, tokenizer: PreTrainedTokenizerBase, names: Sequence[str]):
        self.tokenizer, self.names = tokenizer, tuple(names)

    @property
    def config(self) -> dict[str, Any]:
        """Fields of a new model's config."""
        names = dict(enumerate(self.names))
        return {"id2label": names, "label2id": {name: index for index, name in names.items()}}

    @property
    @abstractmethod
    def description(self) -> str:
        """The kind of data in a few words."""

    @property
    @abstractmethod
    def collator(self) -> Collator: ...

    @abstractmethod
    def encoded(self, examples: Sequence[Any], **options: Any) -> dict[str, list[Any]]:
        """The inputs of the model with ``labels``; the options are those of the tokenizer."""

    def texts_of_input(self, examples: Sequence[Any]) -> int:
        """Texts of an input: 2 for pairs."""
        return 1

    def dataset(self, examples: Sequence[Any], max_length: int) -> Dataset:
        check_length(self.tokenizer, max_length, self.texts_of_input(examples))
        return Dataset.from_dict(self.encoded(examples, truncation=True, max_length=max_length))

    def run(self, model: Any, examples: Sequence[Any], encoded: Dataset, **options: Any) -> Found:
        return Found(*run_labelled(model, self.collator, encoded, self.picked, **options), examples)

    def picked(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The logits of an example that predict something."""
        return logits

    def texts(self, examples: Sequence[Any]) -> list[tuple[str, str]]:
        """Two texts for each row of :meth:`lists`."""
        return [example.shown for example in examples]

    def tuned(self, found: Found) -> float | None:
        """A setting that is chosen on the selection split."""
        return None

    @abstractmethod
    def scores(self, found: Found, tuned: float | None) -> dict[str, float]:
        """The measures, in percent."""

    @abstractmethod
    def lists(self, found: Found, tuned: float | None) -> dict[str, list[Any]]:
        """``labels``, ``predictions`` and the ``score`` of each example in percent, for a record."""

    def classes(self, found: Found, tuned: float | None) -> ClassScores:
        """Precision, recall, F1 and support of each class."""
        return {}

    @abstractmethod
    def written(self, found: Found, tuned: float | None) -> tuple[Sequence[str], Sequence[Mapping[str, Any]]]:
        """The fields of a file of predictions, and its rows."""
