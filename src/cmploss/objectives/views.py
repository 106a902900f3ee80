"""Batches of views: every example in full and cropped, so that the losses of its views can be compared.

Such a batch is ``{"views": [full, crop, …], "valid": (batch,)}``, one plain batch of the same examples per view.
``valid``, which any batch may have, is false for an example without a true label, such as one whose answer was cut off.
Every objective ignores these examples.
"""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

VIEWS = "views"
VALID = "valid"


def views_of(batch: Mapping[str, Any], count: int = 1) -> list[Mapping[str, Any]]:
    """The first ``count`` views of a batch, each as a plain batch; a plain batch is its own full view.

    A plan with crops needs a batch with as many views as it reads; the full view alone can be read from any batch.
    """
    found = len(batch[VIEWS]) if VIEWS in batch else 1
    if count not in (1, found):
        raise ValueError(
            f"the objective reads {count} views of every example, but the batch has {found}; use "
            f"cmploss.tasks.qa.CropDataset(…, CmpCrop({count - 1})) and ViewCollator, or for LoL(revisions={count}) "
            "cmploss.tasks.prf.FeedbackDataset"
        )
    if VIEWS not in batch:
        return [batch]
    flags = {VALID: batch[VALID]} if VALID in batch else {}
    return [{**view, **flags} for view in batch[VIEWS][:count]]


def batch_size(batch: Mapping[str, Any]) -> int:
    """Number of examples in a batch: the length of the first tensor of its full view."""
    return next(len(value) for value in views_of(batch)[0].values() if isinstance(value, Tensor))


def num_valid(batch: Mapping[str, Any]) -> int:
    return int(batch[VALID].bool().sum()) if VALID in batch else batch_size(batch)


def apply_mask(values: Tensor, labels: Mapping[str, Tensor]) -> Tensor:
    """The values ``(batch, …)`` of the valid examples."""
    return values[labels[VALID].bool()] if VALID in labels else values


def mean_or_zero(losses: Tensor, mean: Callable[[Tensor], Tensor] = Tensor.mean) -> Tensor:
    """A mean of losses ``(examples, …)``; 0 for no examples, with a graph so that other processes do not wait."""
    return mean(losses) if len(losses) else losses.sum()
