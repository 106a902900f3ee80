"""Questions with ever fewer distractors: nested crops for the comparative loss, and studies of context size."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerBase

from cmploss.ablation.crop import CmpCrop, evaluation_counts, nested_views, training_counts
from cmploss.tasks.qa.paragraphs import cuts_of, paragraph_encoder, paragraph_window
from cmploss.tasks.qa.questions import Question, evidence_flags, with_segments
from cmploss.tasks.qa.windows import Window, WindowConfig


class CropDataset(Dataset[list[Window]]):
    """Each question as its views: the window over all its segments, then those over its crops.

    All views read the same tokens of a segment, cut as the full view needs it, so that what a crop reads the full view
    reads too; the answer is lost in all views or in none. In training the segments are shuffled, the distractors to
    drop are drawn and ``n_crop`` counts as well, by (seed, epoch, index) alone: workers and their number do not matter.
    In evaluation segments stay in their order, the last distractors are dropped first, and the counts are 6, 4, 2, 0.

    ``lengths`` are the tokens of the full view of each question.

    Args:
        questions: With an evidence flag for every segment.
        tokenizer: Any fast tokenizer.
        config: Limits of a window; ``stride`` is not used.
        crop: How many cropped views in training; with ``CmpCrop(0)`` the full view alone, shuffled alike.
        seed: From 0 to 2³² − 1.
        training: Whether to draw, and to read the text with the answer around it where it must be cut.

    Raises:
        UserError: An evidence flag is missing, or as :func:`cmploss.tasks.qa.paragraph_windows`.
    """

    def __init__(
        self,
        questions: Sequence[Question],
        tokenizer: PreTrainedTokenizerBase,
        config: WindowConfig,
        crop: CmpCrop,
        *,
        seed: int = 0,
        training: bool = True,
    ):
        self._evidence = [evidence_flags(question) for question in questions]
        self._encoder = paragraph_encoder(questions, tokenizer, config)
        self._cuts = [cuts_of(self._encoder, index, keep_answer=training) for index in range(len(questions))]
        self._crop, self._seed, self._training = crop, seed, training
        orders = (range(len(flags)) for flags in self._evidence)
        self.lengths = [
            len(paragraph_window(self._encoder, index, order, self._cuts[index])["input_ids"])
            for index, order in enumerate(orders)
        ]
        epoch: Any = torch.zeros((), dtype=torch.int64)
        self._epoch = epoch.share_memory_()  # persistent workers must see it change

    def __len__(self) -> int:
        return len(self._cuts)

    def __getitem__(self, index: int) -> list[Window]:
        evidence = self._evidence[index]
        distractors = evidence.count(False)
        order, ranking = np.arange(len(evidence)), np.arange(distractors)
        if self._training:
            draw = np.random.RandomState([self._seed, int(self._epoch), index])  # a stream that no version changes
            order, ranking = draw.permutation(order), draw.permutation(ranking)
            counts = training_counts(distractors, self._crop.n_crop, draw)
        else:
            counts = evaluation_counts(distractors)
        views = nested_views([evidence[number] for number in order], ranking.tolist(), counts)
        return [paragraph_window(self._encoder, index, order[view].tolist(), self._cuts[index]) for view in views]

    def set_epoch(self, epoch: int) -> None:
        """Choose the draws of that epoch."""
        self._epoch.fill_(epoch)


def with_context_size(question: Question, size: int) -> Question:
    """The question with its evidence and as many distractors, first ones first, as make ``size`` segments.

    Sizes nest. A question with fewer segments stays as it is, and evidence stays even if it is more.
    """
    evidence = evidence_flags(question)
    distractors = max(size - sum(evidence), 0)
    ranking = range(evidence.count(False))
    return with_segments(question, nested_views(evidence, ranking, [distractors])[1])
