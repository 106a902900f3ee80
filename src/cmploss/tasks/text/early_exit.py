"""Early exit: an example leaves a classifier at the first depth that is sure of its class."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from numpy.typing import NDArray
from torch import Tensor
from transformers import DataCollatorWithPadding, PreTrainedTokenizerBase

from cmploss.ablation.depths import check_depths, recorded
from cmploss.cpu import Rows
from cmploss.engine.output_tree import map_tensors
from cmploss.tasks.run_examples import run_encoded
from cmploss.tasks.text.classify import Predictions


@dataclass(frozen=True)
class EarlyPredictions:
    """What a classifier predicts, and the number of layers that each example needed ``(examples,)``."""

    predictions: Predictions
    layers: NDArray[np.int64]


def predict_early(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    encoded: Dataset,
    depths: Sequence[int],
    confidence: float,
    *,
    batch_size: int | None = None,
) -> EarlyPredictions:
    """Run a classifier layer by layer; an example ends at the first depth whose largest probability is high enough.

    Every layer runs once, for the examples that are still there.

    Args:
        model: The classifier.
        tokenizer: Its tokenizer.
        encoded: The examples.
        depths: Numbers of layers after which examples may leave; all leave at the last layer.
        confidence: The least probability of the predicted class.
        batch_size: As for :func:`cmploss.inference.run_sorted`.
    """
    stack = check_depths(model, depths)
    stops = [*sorted(depths), len(stack.layers)]

    def run(batch: dict[str, Tensor]) -> Iterable[tuple[NDArray[np.float64], int]]:
        batch.pop("labels", None)
        places, start, output = torch.arange(len(batch["input_ids"])), 0, None
        found: dict[int, tuple[NDArray[np.float64], int]] = {}
        for stop in stops:
            with stack.segment(stop, start=start, output=output) as layers:
                reached: list[Any] = []
                with recorded(layers[-1], reached.append):
                    logits = model(**batch).logits.double()
            sure = (logits.softmax(-1).amax(-1) >= confidence).cpu() | torch.tensor(stop == stops[-1])
            rows = zip(places[sure].tolist(), logits[sure].cpu().numpy(), strict=True)
            found |= {place: (row, stop) for place, row in rows}
            if sure.all():
                break
            left = (~sure).to(logits.device)
            batch = {name: values[left] for name, values in batch.items()}
            output = map_tensors(reached[0], Rows(left.nonzero().flatten(), len(left)).of)
            places, start = places[~sure], stop
        return [found[place] for place in range(len(found))]

    pairs = run_encoded(model, DataCollatorWithPadding(tokenizer), encoded, run, batch_size=batch_size)
    outputs = np.stack([logits for logits, _ in pairs])
    return EarlyPredictions(Predictions(outputs, np.full(len(outputs), np.nan)), np.array([stop for _, stop in pairs]))
