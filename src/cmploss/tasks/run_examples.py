"""Outputs and losses of a model for encoded examples, in eval mode or as a submodel of a dropout power."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray
from torch import Tensor

from cmploss.errors import NotFiniteError
from cmploss.inference import run_sorted
from cmploss.objectives import task_loss_for

Result = TypeVar("Result")
Collator = Callable[[Any], Any]


def run_encoded(
    model: Any,
    collate: Collator,
    encoded: Dataset,
    run: Callable[[dict[str, Tensor]], Iterable[Result]],
    **options: Any,
) -> list[Result]:
    """:func:`cmploss.inference.run_sorted` over encoded examples; the longest choice is the length of several."""
    lengths = [max(map(len, ids)) if isinstance(ids[0], list) else len(ids) for ids in encoded["input_ids"]]
    return run_sorted(model, lengths, lambda rows: collate([encoded[row] for row in rows]), run, **options)


def run_labelled(
    model: Any,
    collate: Collator,
    encoded: Dataset,
    pick: Callable[[Tensor, Tensor], Tensor] = lambda logits, labels: logits,
    **options: Any,
) -> tuple[list[NDArray[np.float64]], NDArray[np.float64]]:
    """The logits of each example, and the task losses ``(examples,)``, which are nan without labels.

    ``pick`` chooses among the logits of an example by its labels.

    Raises:
        NotFiniteError: An output is not finite.
    """

    def run(batch: dict[str, Tensor]) -> Iterable[tuple[NDArray[np.float64], float]]:
        labels = batch.pop("labels", None)
        result = model(**batch)
        logits = result.logits.double()
        if labels is None:
            return [(row.cpu().numpy(), np.nan) for row in logits]
        losses = task_loss_for(model, {"labels": labels})(result, {"labels": labels}).double().tolist()
        picked = (pick(row, of).cpu().numpy() for row, of in zip(logits, labels, strict=True))
        return zip(picked, losses, strict=True)

    found = run_encoded(model, collate, encoded, run, **options)
    bad = [row for row, (logits, _) in enumerate(found) if not np.isfinite(logits).all()]
    if bad:
        raise NotFiniteError(f"{len(bad)} of {len(found)} predictions are not finite, as of example {bad[0]}")
    return [logits for logits, _ in found], np.array([loss for _, loss in found])
