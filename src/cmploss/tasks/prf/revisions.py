"""Revisions: one input with a query and its retrieved passages; each revision has fewer passages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerBase

from cmploss.ablation.crop import training_counts
from cmploss.errors import UserError
from cmploss.losses.loss_over_losses import NONE
from cmploss.tasks.prf.prf_config import FeedbackConfig


def feedback_input(
    query: Sequence[int], passages: Sequence[Sequence[int]], *, cls: int, sep: int, length: int
) -> tuple[list[int], list[int]]:
    """``[CLS] q [SEP] p_1 [SEP] … p_k [SEP]`` as token ids, and the segment of each: 0 for the query, 1 for passages.

    At most ``length`` ids; passages that do not fit are cut. The input with fewer passages is a prefix of the input
    with more, except for a ``[SEP]`` at a cut.

    >>> feedback_input([7], [[8, 8], [9, 9]], cls=1, sep=2, length=8)
    ([1, 7, 2, 8, 8, 2, 9, 2], [0, 0, 0, 1, 1, 1, 1, 1])
    """
    ids = [cls, *query, sep]
    segments = [0] * len(ids)
    for passage in passages:
        room = length - len(ids) - 1
        if room < 1:
            break
        ids += [*passage[:room], sep]
    return ids, segments + [1] * (len(ids) - len(segments))


@dataclass(frozen=True)
class Revision:
    """One input of a reformulator; ``relevant`` are rows of a passage matrix, empty if no loss is computed."""

    input_ids: list[int]
    segments: list[int]
    relevant: Sequence[int] = ()

    def columns(self, *, segments: bool) -> dict[str, list[int]]:
        return {"input_ids": self.input_ids} | ({"token_type_ids": self.segments} if segments else {})


class FeedbackReader:
    """Texts to revisions; ``prompt`` is the query prefix that the retriever was trained with."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, config: FeedbackConfig, *, prompt: str = ""):
        for name in ("cls_token", "sep_token", "pad_token"):
            if getattr(tokenizer, name) is None:
                raise UserError(f"{type(tokenizer).__name__} has no {name}; a reformulator needs an encoder with one")
        self.tokenizer = tokenizer
        self.config = config
        self.prompt = prompt

    def __call__(self, query: str, passages: Sequence[str], relevant: Sequence[int] = ()) -> Revision:
        special: Any = self.tokenizer.cls_token_id, self.tokenizer.sep_token_id
        ids, segments = feedback_input(
            self._ids(self.prompt + query, min(self.config.query_length, self.config.input_length - 2)),
            [self._ids(passage, self.config.passage_length) for passage in passages],
            cls=special[0],
            sep=special[1],
            length=self.config.input_length,
        )
        return Revision(ids, segments, relevant)

    def _ids(self, text: str, most: int) -> list[int]:
        found = self.tokenizer(text, add_special_tokens=False, truncation=True, max_length=most)
        return list(found["input_ids"])


class FeedbackDataset(Dataset[list[Revision]]):
    """The revisions of each query, most feedback first; each has the first passages of the one before.

    In training, ``revisions`` distinct sizes are drawn from {``min_feedback`` … D}, where D is the number of retrieved
    passages, at most ``max_feedback``. If there are fewer than ``revisions`` sizes, the last revisions repeat the
    smallest. The largest revision has the first passages, or with ``shuffle`` a random choice of the D in random order.
    Every draw depends only on (seed, epoch, index). With ``size`` there is one revision, of the first ``size``
    passages: for evaluation.

    ``retrieved`` has the passages of each query, best first, ``relevant`` the rows of its relevant passages in the
    passage matrix.

    References:
        Zhu et al. 2022 (arXiv 2204.11545).
    """

    def __init__(
        self,
        queries: Sequence[str],
        retrieved: Sequence[Sequence[str]],
        relevant: Sequence[Sequence[int]],
        reader: FeedbackReader,
        *,
        revisions: int = 2,
        shuffle: bool = False,
        seed: int = 0,
        size: int | None = None,
    ):
        self._examples = list(zip(queries, retrieved, relevant, strict=True))
        self.reader = reader
        self._revisions, self._shuffle, self._seed, self._size = revisions, shuffle, seed, size
        epoch: Any = torch.zeros((), dtype=torch.int64)
        self._epoch = epoch.share_memory_()  # persistent workers must see it change

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, index: int) -> list[Revision]:
        query, retrieved, relevant = self._examples[index]
        top = list(retrieved[: self.reader.config.max_feedback])
        if self._size is not None:
            return [self.reader(query, top[: self._size], relevant)]
        draw = np.random.RandomState([self._seed, int(self._epoch), index])  # its stream is the same in every version
        least = min(self.reader.config.min_feedback, len(top))
        sizes = [least + more for more in training_counts(len(top) + 1 - least, self._revisions, draw)]
        order = draw.permutation(len(top)) if self._shuffle else range(len(top))
        return [self.reader(query, [top[place] for place in order[:size]], relevant) for size in sizes]

    def set_epoch(self, epoch: int) -> None:
        """Choose the draws of that epoch."""
        self._epoch.fill_(epoch)


class FeedbackCollator:
    """Pads revisions to batches ``{"views": [most feedback, …]}``, one plain batch of all queries per revision.

    Each has ``input_ids`` and ``attention_mask`` ``(batch, tokens)``, ``token_type_ids`` if the model has more than one
    type, and ``relevant`` ``(batch, most)`` padded with −1 if there is any; int64.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, model: nn.Module):
        self._tokenizer = tokenizer
        self._segments = reads_segments(model)

    def __call__(self, queries: Sequence[Sequence[Revision]]) -> dict[str, Any]:
        return {"views": [self.view(revisions) for revisions in zip(*queries, strict=True)]}

    def view(self, revisions: Sequence[Revision]) -> dict[str, Any]:
        """One revision of each query as a plain batch."""
        inputs = [revision.columns(segments=self._segments) for revision in revisions]
        batch = dict(self._tokenizer.pad(inputs, return_tensors="pt"))
        if any(revision.relevant for revision in revisions):
            rows = [torch.tensor(list(revision.relevant), dtype=torch.int64) for revision in revisions]
            batch["relevant"] = pad_sequence(rows, batch_first=True, padding_value=NONE)
        return batch


def reads_segments(model: nn.Module) -> bool:
    """Whether a model has embeddings for two segments; RoBERTa accepts segment ids, but has one embedding."""
    return getattr(model.config, "type_vocab_size", 0) > 1
