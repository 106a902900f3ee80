"""Questions with fewer and fewer distractors: nested crops for the comparative loss, and contexts of a given size."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerBase

from cmploss.ablation.crop import CmpCrop, nested_views, training_counts
from cmploss.tasks.qa.paragraphs import cuts_of, paragraph_encoder, paragraph_window
from cmploss.tasks.qa.questions import Question, evidence_flags, with_segments
from cmploss.tasks.qa.windows import Window, WindowConfig


class CropDataset(Dataset[list[Window]]):
    """The views of each question for training: the window over all segments, then the windows over its crops.

    All views read the same tokens of a segment, cut to fit the full view. So the full view reads everything that a crop
    reads, and the answer is cut from all views or from none. The order of the segments, the distractors to drop and the
    ``n_crop`` numbers of distractors depend only on (seed, epoch, index), not on the workers.

    ``lengths`` are the tokens of the full view of each question; ``lost`` counts those whose answer does not fit.

    Args:
        questions: Questions with an evidence flag for every segment.
        tokenizer: Any fast tokenizer.
        config: Limits of a window; ``stride`` is not used.
        crop: Number of cropped views; ``CmpCrop(0)`` gives only the full view, shuffled in the same way.
        seed: From 0 to 2³² − 1.

    Raises:
        UserError: If an evidence flag is missing, or a question does not fit into a window.
    """

    def __init__(
        self,
        questions: Sequence[Question],
        tokenizer: PreTrainedTokenizerBase,
        config: WindowConfig,
        crop: CmpCrop,
        *,
        seed: int = 0,
    ):
        self._evidence = [evidence_flags(question) for question in questions]
        self._encoder = paragraph_encoder(questions, tokenizer, config)
        self._cuts = [cuts_of(self._encoder, index, keep_answer=True) for index in range(len(questions))]
        self._crop, self._seed = crop, seed
        full = [self._window(index, range(len(flags))) for index, flags in enumerate(self._evidence)]
        self.lengths = [len(window["input_ids"]) for window in full]
        self.lost = sum(window["answer_lost"] for window in full)
        epoch: Any = torch.zeros((), dtype=torch.int64)
        self._epoch = epoch.share_memory_()  # persistent workers must see it change

    def __len__(self) -> int:
        return len(self._cuts)

    def __getitem__(self, index: int) -> list[Window]:
        evidence = self._evidence[index]
        distractors = evidence.count(False)
        draw = np.random.RandomState([self._seed, int(self._epoch), index])  # its stream is the same in every version
        order, ranking = draw.permutation(len(evidence)), draw.permutation(distractors)
        counts = training_counts(distractors, self._crop.n_crop, draw)
        views = nested_views([evidence[number] for number in order], ranking.tolist(), counts)
        return [self._window(index, order[view].tolist()) for view in views]

    def set_epoch(self, epoch: int) -> None:
        """Choose the draws of that epoch."""
        self._epoch.fill_(epoch)

    def _window(self, index: int, segments: Sequence[int]) -> Window:
        return paragraph_window(self._encoder, index, [(number, self._cuts[index][number]) for number in segments])


def with_context_size(question: Question, size: int) -> Question:
    """The question with all its evidence and its first distractors, ``size`` segments together."""
    evidence = evidence_flags(question)
    distractors = max(size - sum(evidence), 0)
    ranking = range(evidence.count(False))
    return with_segments(question, nested_views(evidence, ranking, [distractors])[1])
