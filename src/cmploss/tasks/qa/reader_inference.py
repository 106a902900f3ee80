"""Start and end logits of windows, in eval mode or as a submodel of a dropout power."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from cmploss.ablation import nested_dropout
from cmploss.errors import UserError
from cmploss.losses.per_example import span_losses
from cmploss.tasks.qa.collate import WindowCollator
from cmploss.tasks.qa.windows import Window


@dataclass(frozen=True)
class WindowOutputs:
    """What a model says about windows, in their order.

    Attributes:
        starts: Start logits of each window ``(tokens,)``, without padding, in float32.
        ends: End logits, alike.
        losses: ½ (start loss + end loss) of each window ``(windows,)``; of use only where answers are known.
    """

    starts: list[NDArray[np.float32]]
    ends: list[NDArray[np.float32]]
    losses: NDArray[np.float64]


def run_windows(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    windows: Sequence[Window],
    *,
    batch_size: int = 32,
    power: int | None = None,
    seed: int = 0,
    p: float | None = None,
) -> WindowOutputs:
    """Run a question answering model over windows.

    Args:
        model: Any with start and end logits; it is left in eval mode.
        tokenizer: Of the windows.
        windows: From :func:`cmploss.tasks.qa.context_windows` or :func:`cmploss.tasks.qa.paragraph_windows`.
        batch_size: Windows per batch; batches hold windows of similar length.
        power: Dropout power of the submodel (see :func:`cmploss.nested_dropout`); eval mode by default.
        seed: Seed of the masks; masks of one seed nest over powers.
        p: Base rate that replaces every dropout site's own.

    Raises:
        UserError: ``batch_size`` is not positive, or there is nothing to pad with.
    """
    if batch_size < 1:
        raise UserError(f"--batch_size {batch_size} is out of range; give a whole number from 1")
    model.eval()
    collate = WindowCollator(tokenizer, model)
    lengths = np.array([len(window["input_ids"]) for window in windows])
    order = np.argsort(-lengths, kind="stable")
    starts: list[Any] = [None] * len(windows)
    ends: list[Any] = [None] * len(windows)
    losses = np.empty(len(windows))
    for number, first in enumerate(range(0, len(order), batch_size)):
        rows = order[first : first + batch_size]
        batch = {name: values.to(model.device) for name, values in collate([windows[row] for row in rows]).items()}
        positions = batch.pop("start_positions"), batch.pop("end_positions")
        ablated: AbstractContextManager[None] = nullcontext()
        if power is not None:
            ablated = nested_dropout(model, power, seed=seed + number, p=p)
        with torch.no_grad(), ablated:
            outputs = model(**batch)
        each = span_losses(outputs.start_logits, outputs.end_logits, *positions, mask=batch["attention_mask"])
        losses[rows] = each.double().mean(-1).cpu().numpy()
        for found, logits in ((starts, outputs.start_logits), (ends, outputs.end_logits)):
            for row, values in zip(rows, logits.float().cpu().numpy(), strict=True):
                n = lengths[row]
                found[row] = values[-n:] if tokenizer.padding_side == "left" else values[:n]
    return WindowOutputs(starts, ends, losses)
