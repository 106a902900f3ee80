"""Windows to padded batches."""

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from cmploss.ablation import unwrap_model
from cmploss.errors import UserError
from cmploss.tasks.qa.token_ranges import OUTSIDE
from cmploss.tasks.qa.windows import Window

POSITIONS = ("start_positions", "end_positions", "null_position")


class WindowCollator:
    """Pad windows to the longest of them, on the tokenizer's side.

    A batch has ``input_ids`` and ``attention_mask`` ``(batch, tokens)``, ``start_positions`` and ``end_positions``
    ``(batch,)``, and ``token_type_ids`` and ``global_attention_mask`` if the model takes them, all int64. Positions
    count the padding: with padding on the left, labels and null positions move along.

    Args:
        tokenizer: Of the windows.
        model: That is to read them.
        keep: Whether to add what decoding needs: ``question``, ``null_position`` and ``answer_lost`` ``(batch,)``,
            ``segments`` ``(batch, tokens)`` padded with −1 and ``offsets`` ``(batch, tokens, 2)`` padded with 0.

    Raises:
        UserError: The tokenizer has neither a padding token nor an end token.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, model: nn.Module, *, keep: bool = False):
        pad = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
        if pad is None:
            raise UserError(f"{type(tokenizer).__name__} has no token to pad with; set its pad_token")
        self._left = tokenizer.padding_side == "left"
        taken = inspect.signature(unwrap_model(model).forward).parameters
        optional = {"token_type_ids": tokenizer.pad_token_type_id, "global_attention_mask": 0}
        self._padding = {"input_ids": pad} | {name: value for name, value in optional.items() if name in taken}
        self._numbers: tuple[str, ...] = ()
        if keep:
            self._padding |= {"segments": OUTSIDE, "offsets": 0}
            self._numbers = ("question", "answer_lost")

    def __call__(self, windows: Sequence[Window]) -> dict[str, Tensor]:
        """The windows as one batch."""
        lengths = [len(window["input_ids"]) for window in windows]
        longest = max(lengths)
        places = [slice(longest - n, longest) if self._left else slice(0, n) for n in lengths]
        batch = {"attention_mask": padded([np.ones(n) for n in lengths], places, longest, 0)}
        for name, value in self._padding.items():
            if name in windows[0]:
                batch[name] = padded([window[name] for window in windows], places, longest, value)
        for name in POSITIONS if self._numbers else POSITIONS[:2]:
            batch[name] = torch.tensor(
                [window[name] + place.start for window, place in zip(windows, places, strict=True)]
            )
        return batch | {name: torch.tensor([window[name] for window in windows]) for name in self._numbers}


class ViewCollator:
    """Pad the views of questions (see :class:`cmploss.tasks.qa.CropDataset`), each view as a batch of its own.

    Returns ``{"views": [full, crop, …], "valid": (batch,)}``: one batch of the questions per view, as
    :class:`WindowCollator` makes it, and a bool for each question. Where it is false, the answer is missing from some
    view: the label is the null position there, and the losses must not be compared.

    Args:
        collate: For the windows of one view.
    """

    def __init__(self, collate: WindowCollator):
        self._collate = collate

    def __call__(self, questions: Sequence[Sequence[Window]]) -> dict[str, Any]:
        """The questions as one batch."""
        lost = [any(window["answer_lost"] for window in views) for views in questions]
        return {
            "views": [self._collate(view) for view in zip(*questions, strict=True)],
            "valid": ~torch.tensor(lost),
        }


def padded(rows: Sequence[Any], places: Sequence[slice], longest: int, value: float, kind: Any = np.int64) -> Tensor:
    """One row each, with ``value`` outside of its place."""
    batch = np.full((len(rows), longest, *rows[0].shape[1:]), value, kind)
    for out, row, place in zip(batch, rows, places, strict=True):
        out[place] = row
    return torch.from_numpy(batch)
