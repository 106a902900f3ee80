"""Batches of views: every example in full and cropped, so that losses can be compared across what a model reads.

Such a batch is ``{"views": [full, crop, …], "comparable": (batch,)}``, one plain batch of the same examples per view.
``comparable``, which any batch may have, is false for an example without a true label, such as one whose answer was cut
off. Every objective leaves these examples out.
"""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

VIEWS = "views"
COMPARABLE = "comparable"


def views_of(batch: Mapping[str, Any], count: int = 1) -> list[Mapping[str, Any]]:
    """The first ``count`` views of a batch, each as a plain batch; a plain batch is its own full view.

    Args:
        batch: Inputs and labels, or views of them.
        count: Views that a plan reads. The full view alone can be had of any batch.

    Raises:
        ValueError: If the batch has another number of views than a plan with crops reads.
    """
    found = len(batch[VIEWS]) if VIEWS in batch else 1
    if count not in (1, found):
        raise ValueError(
            f"CmpCrop({count - 1}) reads {count} views of every example, and the batch has {found}; it needs data with "
            f"segments, as cmploss.tasks.qa.CropDataset(…, CmpCrop({count - 1})) and ViewCollator give them; so does "
            f"Feedback(revisions={count}), as cmploss.tasks.prf.FeedbackDataset gives them"
        )
    if VIEWS not in batch:
        return [batch]
    flags = {COMPARABLE: batch[COMPARABLE]} if COMPARABLE in batch else {}
    return [{**view, **flags} for view in batch[VIEWS][:count]]


def batch_size(batch: Mapping[str, Any]) -> int:
    """Number of examples in a batch: the length of the first tensor of its full view."""
    return next(len(value) for value in views_of(batch)[0].values() if isinstance(value, Tensor))


def compared_examples(batch: Mapping[str, Any]) -> int:
    """Number of examples that are not left out."""
    return int(batch[COMPARABLE].sum()) if COMPARABLE in batch else batch_size(batch)


def kept(losses: Tensor, labels: Mapping[str, Tensor]) -> Tensor:
    """The losses ``(batch, …)`` of the examples that are not left out."""
    return losses[labels[COMPARABLE]] if COMPARABLE in labels else losses


def mean_or_zero(losses: Tensor, mean: Callable[[Tensor], Tensor] = Tensor.mean) -> Tensor:
    """Some mean of losses ``(examples, …)``; of no examples 0, with a graph that other processes can wait for."""
    return mean(losses) if len(losses) else losses.sum()
