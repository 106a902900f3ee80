"""Start and end logits of windows, in eval mode or as a submodel of a dropout power."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from cmploss.inference import run_sorted
from cmploss.losses.per_example import span_losses
from cmploss.tasks.qa.collate import WindowCollator
from cmploss.tasks.qa.windows import Window


@dataclass(frozen=True)
class WindowOutputs:
    """What a model gives for windows, in their order."""

    starts: list[NDArray[np.float32]]
    ends: list[NDArray[np.float32]]
    losses: NDArray[np.float64]


def run_windows(
    model: Any, tokenizer: PreTrainedTokenizerBase, windows: Sequence[Window], *, batch_size: int = 32, **submodel: Any
) -> WindowOutputs:
    collate = WindowCollator(tokenizer, model)
    lengths = [len(window["input_ids"]) for window in windows]

    def run(batch: dict[str, Tensor]) -> Iterable[tuple[Any, Any, float]]:
        positions = batch.pop("start_positions"), batch.pop("end_positions")
        outputs = model(**batch)
        losses = span_losses(outputs.start_logits, outputs.end_logits, *positions, mask=batch["attention_mask"])
        logits = (each.float().cpu().numpy() for each in (outputs.start_logits, outputs.end_logits))
        return zip(*logits, losses.double().mean(-1).tolist(), strict=True)

    found = run_sorted(
        *(model, lengths, lambda rows: collate([windows[row] for row in rows]), run), batch_size=batch_size, **submodel
    )
    starts, ends, losses = zip(*found, strict=True)
    places = [slice(-n, None) if tokenizer.padding_side == "left" else slice(n) for n in lengths]
    return WindowOutputs(
        starts=[row[place] for row, place in zip(starts, places, strict=True)],
        ends=[row[place] for row, place in zip(ends, places, strict=True)],
        losses=np.array(losses),
    )
