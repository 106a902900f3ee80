"""Questions with fewer and fewer distractors: nested crops for the comparative loss, and contexts of a given size."""

from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from cmploss.ablation.crop import CmpCrop, nested_views
from cmploss.tasks.qa.paragraphs import cuts_of, paragraph_encoder, paragraph_window
from cmploss.tasks.qa.questions import Question, evidence_flags, with_segments
from cmploss.tasks.qa.windows import Window, WindowConfig
from cmploss.tasks.segment_views import SegmentViews


class CropDataset(SegmentViews[Window]):
    """The views of each question for training: the window over all segments, then the windows over its crops.

    All views read the same tokens of a segment, cut to fit the full view. So the full view reads everything that a crop
    reads, and the answer is cut from all views or from none.

    ``lengths`` are the tokens of the full view of each question; ``lost`` counts those whose answer does not fit,
    ``partial`` those with a shortened text.

    Args:
        questions: Questions with an evidence flag for every segment.
        tokenizer: Any fast tokenizer.
        config: Limits of a window; ``stride`` is not used.
        crop: As for :class:`cmploss.tasks.segment_views.SegmentViews`.
        seed: As there.

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
        super().__init__([evidence_flags(question) for question in questions], crop, seed=seed)
        self._encoder = paragraph_encoder(questions, tokenizer, config)
        self._cuts = [cuts_of(self._encoder, index, keep_answer=True) for index in range(len(questions))]
        full = [self.view(index, range(len(flags))) for index, flags in enumerate(self.evidence)]
        self.lengths = [len(window["input_ids"]) for window in full]
        self.lost, self.partial = (sum(window[name] for window in full) for name in ("answer_lost", "partial"))

    def view(self, index: int, segments: Sequence[int]) -> Window:
        return paragraph_window(self._encoder, index, [(number, self._cuts[index][number]) for number in segments])


def with_context_size(question: Question, size: int) -> Question:
    """The question with all its evidence and its first distractors, ``size`` segments together."""
    evidence = evidence_flags(question)
    distractors = max(size - sum(evidence), 0)
    ranking = range(evidence.count(False))
    return with_segments(question, nested_views(evidence, ranking, [distractors])[1])
