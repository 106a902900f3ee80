"""Prompts for training, with crops, and with RAFT's mixture."""

from collections.abc import Collection, Sequence

from cmploss.ablation import CmpCrop
from cmploss.tasks.qa.questions import Question, evidence_flags, with_segments
from cmploss.tasks.rag.generate import Encoded
from cmploss.tasks.rag.prompts import Prompts
from cmploss.tasks.segment_views import SegmentViews


class RagViews(SegmentViews[Encoded]):
    """The views of each question for training: the prompt with all segments, then those with its crops.

    All views read the same text of a segment, and have the whole answer.

    ``lengths`` are the tokens of the full view of each question.

    Args:
        questions: Questions with an answer, and with evidence flags if there are crops or questions without evidence.
        prompts: They turn questions into token ids.
        crop: As for :class:`cmploss.tasks.segment_views.SegmentViews`.
        seed: As there.
        without_evidence: Numbers of the questions whose views have distractors alone.

    Raises:
        UserError: If an evidence flag is missing, or a question does not fit.
    """

    def __init__(
        self,
        questions: Sequence[Question],
        prompts: Prompts,
        crop: CmpCrop,
        *,
        seed: int = 0,
        without_evidence: Collection[int] = (),
    ):
        self._questions = [prompts.fitted(question, training=True)[0] for question in questions]
        flagged = crop.n_crop > 0 or len(without_evidence) > 0
        flags = [evidence_flags(each) if flagged else [True] * len(each.segments) for each in self._questions]
        super().__init__(flags, crop, seed=seed)
        self._prompts, self._without = prompts, frozenset(without_evidence)
        self.lengths = [len(self.view(index, range(len(of)))["input_ids"]) for index, of in enumerate(flags)]

    def view(self, index: int, segments: Sequence[int]) -> Encoded:
        if index in self._without:
            segments = [number for number in segments if not self.evidence[index][number]]
        return self._prompts.encoded(with_segments(self._questions[index], segments))
