"""Predictions of a classifier, in eval mode or as a submodel of a dropout power."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from numpy.typing import NDArray
from transformers import DataCollatorWithPadding, PreTrainedTokenizerBase

from cmploss.tasks.run_examples import run_labelled


@dataclass(frozen=True)
class Predictions:
    """Outputs and losses of a classifier for a list of examples."""

    outputs: NDArray[np.float64]  # Logits ``(examples, classes)``, or values ``(examples, 1)`` for regression
    losses: NDArray[np.float64]  # Task losses ``(examples,)``; nan without labels

    @property
    def is_regression(self) -> bool:
        """Whether the outputs are numbers, not logits."""
        return bool(self.outputs.shape[1] == 1)

    @property
    def values(self) -> NDArray[Any]:
        """Class ids, or the predicted numbers, ``(examples,)``."""
        return self.outputs[:, 0] if self.is_regression else self.outputs.argmax(-1)

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """Softmax over classes ``(examples, classes)``; empty for regression."""
        if self.is_regression:
            return np.empty((len(self.outputs), 0))
        return torch.tensor(self.outputs).softmax(-1).numpy()


def predict(
    model: Any, tokenizer: PreTrainedTokenizerBase, encoded: Dataset, *, batch_size: int | None = None, **submodel: Any
) -> Predictions:
    """Run a classifier over encoded examples, in eval mode or as its submodel of a dropout power.

    Raises:
        NotFiniteError: An output is not finite.
    """
    collate = DataCollatorWithPadding(tokenizer)
    outputs, losses = run_labelled(model, collate, encoded, batch_size=batch_size, **submodel)
    return Predictions(np.stack(outputs), losses)
