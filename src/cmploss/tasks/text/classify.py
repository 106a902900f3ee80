"""Predictions of a classifier, in eval mode or as a submodel of a dropout power."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from datasets import Dataset
from numpy.typing import NDArray
from torch import Tensor
from transformers import DataCollatorWithPadding, PreTrainedTokenizerBase

from cmploss.errors import NotFiniteError
from cmploss.inference import run_sorted
from cmploss.objectives import task_loss_for

Result = TypeVar("Result")


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

    def run(batch: dict[str, Tensor]) -> Iterable[tuple[Tensor, Tensor]]:
        labels = {"labels": batch.pop("labels")} if "labels" in batch else None
        result = model(**batch)
        unknown = torch.full((len(result.logits),), torch.nan)
        losses = task_loss_for(model, labels)(result, labels) if labels else unknown
        return zip(result.logits.double().cpu(), losses.double().cpu(), strict=True)

    found = run_encoded(model, tokenizer, encoded, run, batch_size=batch_size, **submodel)
    outputs, losses = (torch.stack(column).numpy() for column in zip(*found, strict=True))
    bad = ~np.isfinite(outputs).all(1)
    if bad.any():
        raise NotFiniteError(f"{bad.sum()} of {len(bad)} predictions are not finite, as of example {bad.argmax()}")
    return Predictions(outputs, losses)


def run_encoded(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    encoded: Dataset,
    run: Callable[[dict[str, Tensor]], Iterable[Result]],
    **options: Any,
) -> list[Result]:
    """:func:`cmploss.inference.run_sorted` over encoded texts, padded to the longest text of a batch."""
    collate = DataCollatorWithPadding(tokenizer)
    lengths = [len(ids) for ids in encoded["input_ids"]]
    return run_sorted(model, lengths, lambda rows: collate([encoded[row] for row in rows]), run, **options)
