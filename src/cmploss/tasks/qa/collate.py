"""Windows to padded batches."""

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedTokenizerBase

from cmploss.ablation import unwrap_model
from cmploss.errors import UserError
from cmploss.tasks.qa.windows import Window


class WindowCollator:
    """Pad windows to the longest of them, on the tokenizer's side.

    A batch has ``input_ids`` and ``attention_mask`` ``(batch, tokens)``, ``start_positions`` and ``end_positions``
    ``(batch,)``, and ``token_type_ids`` and ``global_attention_mask`` if the model takes them, all int64. Positions
    include left padding.

    Args:
        tokenizer: The tokenizer of the windows.
        model: The model that reads the batches.

    Raises:
        UserError: If the tokenizer has neither a padding token nor an end token.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, model: nn.Module):
        pad = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
        if pad is None:
            raise UserError(f"{type(tokenizer).__name__} has no padding token; set its pad_token")
        self._side = tokenizer.padding_side
        taken = inspect.signature(unwrap_model(model).forward).parameters
        optional = {"token_type_ids": tokenizer.pad_token_type_id, "global_attention_mask": 0}
        self._padding = {"input_ids": pad} | {name: value for name, value in optional.items() if name in taken}

    def __call__(self, windows: Sequence[Window]) -> dict[str, Tensor]:
        lengths = [len(window["input_ids"]) for window in windows]
        shifts = [max(lengths) - n if self._side == "left" else 0 for n in lengths]
        batch = {"attention_mask": self._padded([np.ones(n) for n in lengths], 0)}
        for name, value in self._padding.items():
            if name in windows[0]:
                batch[name] = self._padded([window[name] for window in windows], value)
        for name in ("start_positions", "end_positions"):
            batch[name] = torch.tensor([window[name] + shift for window, shift in zip(windows, shifts, strict=True)])
        return batch

    def _padded(self, rows: Sequence[Any], value: int) -> Tensor:
        tensors = [torch.as_tensor(row).long() for row in rows]
        return pad_sequence(tensors, batch_first=True, padding_value=value, padding_side=self._side)


class ViewCollator:
    """Pad the views of questions (see :class:`cmploss.tasks.qa.CropDataset`), each view as its own batch.

    Returns ``{"views": [full, crop, …], "valid": (batch,)}``: one batch of the questions per view, made by ``collate``,
    and a bool for each question. If it is false, the answer is missing from a view, whose label is then the null
    position, and the losses must not be compared.
    """

    def __init__(self, collate: WindowCollator):
        self._collate = collate

    def __call__(self, questions: Sequence[Sequence[Window]]) -> dict[str, Any]:
        lost = [any(window["answer_lost"] for window in views) for views in questions]
        return {
            "views": [self._collate(view) for view in zip(*questions, strict=True)],
            "valid": ~torch.tensor(lost),
        }
