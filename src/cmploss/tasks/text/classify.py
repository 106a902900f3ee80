"""Predictions of a classifier, in eval mode or as a submodel of a dropout power."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from numpy.typing import NDArray
from torch import Tensor
from transformers import DataCollatorWithPadding, PreTrainedTokenizerBase

from cmploss.ablation import nested_dropout
from cmploss.errors import UserError
from cmploss.objectives import task_loss_for


@dataclass(frozen=True)
class Predictions:
    """What a classifier says about a list of examples.

    Attributes:
        outputs: Logits ``(examples, classes)``, or values ``(examples, 1)`` for regression.
        losses: Task losses ``(examples,)``; nan without labels.
    """

    outputs: NDArray[np.float64]
    losses: NDArray[np.float64]

    @property
    def is_regression(self) -> bool:
        """Whether the model has one output."""
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
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    encoded: Dataset,
    *,
    batch_size: int = 64,
    power: int | None = None,
    seed: int = 0,
    p: float | None = None,
) -> Predictions:
    """Run a classifier over encoded examples, in eval mode or as its submodel of a dropout power.

    Args:
        model: A sequence classifier.
        tokenizer: Its tokenizer, for padding to the longest example of each batch.
        encoded: Columns of :func:`cmploss.tasks.text.encode`; without ``labels`` there are no losses.
        batch_size: Examples per batch; batches hold examples of similar length.
        power: Dropout power of the submodel (see :func:`cmploss.nested_dropout`); eval mode by default.
        seed: Seed of the masks; masks of one seed nest over powers.
        p: Base rate that replaces every dropout site's own.

    Returns:
        Predictions in the order of ``encoded``.

    Raises:
        UserError: If ``batch_size`` is not positive.
    """
    if batch_size < 1:
        raise UserError(f"--batch_size {batch_size} is out of range; give a whole number from 1")
    model.eval()
    order = np.argsort([-len(ids) for ids in encoded["input_ids"]], kind="stable")
    outputs, losses = [], []
    for number, start in enumerate(range(0, len(order), batch_size)):
        rows = [encoded[int(index)] for index in order[start : start + batch_size]]
        batch = collated(rows, tokenizer, model)
        labels = {"labels": batch.pop("labels")} if "labels" in batch else None
        ablated: AbstractContextManager[None] = nullcontext()
        if power is not None:
            ablated = nested_dropout(model, power, seed=seed + number, p=p)
        with torch.no_grad(), ablated:
            result = model(**batch)
        outputs.append(result.logits.double().cpu())
        each = task_loss_for(model, labels)(result, labels) if labels else torch.full((len(rows),), float("nan"))
        losses.append(each.double().cpu())
    place = np.argsort(order)
    return Predictions(torch.cat(outputs).numpy()[place], torch.cat(losses).numpy()[place])


def collated(rows: Sequence[Mapping[str, Any]], tokenizer: PreTrainedTokenizerBase, model: Any) -> dict[str, Tensor]:
    """One batch on the model's device, padded to its longest row."""
    batch = DataCollatorWithPadding(tokenizer)([dict(row) for row in rows])
    return {name: values.to(model.device) for name, values in batch.items()}
