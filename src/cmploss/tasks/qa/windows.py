"""Windows: the inputs of a model for a question, with labels and the places of tokens in texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cmploss.errors import UserError
from cmploss.tasks.data_tables import shown
from cmploss.tasks.qa.questions import FIRST_TEXT, Question, is_text, text_number
from cmploss.tasks.qa.token_ranges import (
    OUTSIDE,
    SpecialTokens,
    TokenRange,
    Tokens,
    special_tokens_of,
    tokenised,
)

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Window = dict[str, Any]
"""One window without padding, of a length called ``tokens``.

==========================  ===============  =========================================================================
key                         shape            value
==========================  ===============  =========================================================================
``question``                int              index among the questions that were encoded
``input_ids``               ``(tokens,)``
``token_type_ids``          ``(tokens,)``    only where the tokenizer has them
``global_attention_mask``   ``(tokens,)``    0 for tokens of titles and texts, 1 for all others
``segments``                ``(tokens,)``    index in ``Question.texts``: 0 yes, 1 no, 2 + 2i the title and 3 + 2i the
                                             text of segment i; −1 where no answer may stand (special tokens, the
                                             question, white space)
``offsets``                 ``(tokens, 2)``  characters of that text, from and to (exclusive); 0 where there is none
``start_positions``         int              first token of the answer, else ``null_position``
``end_positions``           int              last token of the answer, else ``null_position``
``null_position``           int              the token that stands for no answer
``answer_lost``             bool             the question has an answer, but it is not, or not in full, in this window
``partial``                 bool             the text of a segment is not in full in this window
==========================  ===============  =========================================================================
"""


@dataclass(frozen=True)
class WindowConfig:
    """Limits of a window.

    Attributes:
        max_length: Longest window in tokens, with special tokens.
        stride: Tokens of a context shared by neighbouring windows.
        max_question_tokens: Longest question in tokens, at most half of a window; longer ones are cut at the end.
        max_paragraph_tokens: Longest paragraph in tokens if a window has several; longer ones are cut.
    """

    max_length: int = 384
    stride: int = 128
    max_question_tokens: int = 160
    max_paragraph_tokens: int = 256

    @property
    def longest_question(self) -> int:
        """Tokens of a question that are read."""
        return min(self.max_question_tokens, max(self.max_length // 2, 1))


@dataclass(frozen=True)
class Encoder:
    """Questions with the tokens of all their texts, from which windows are joined."""

    questions: Sequence[Question]
    tokens: Mapping[str, Tokens]
    special: SpecialTokens
    config: WindowConfig

    def asked(self, index: int) -> list[TokenRange]:
        """The question after the special tokens before it."""
        tokens = self.tokens[self.questions[index].text.strip()]
        size = min(len(tokens), self.config.longest_question)
        return [*self.special.before, TokenRange(tokens, 0, size, self.special.question_type)]

    def window(self, index: int, runs: Sequence[TokenRange]) -> Window:
        """Join ranges to a window; its answer is the question's first span that is completely in the window."""
        question = self.questions[index]
        lengths = [len(run) for run in runs]
        texts = np.repeat(np.asarray([run.text for run in runs], np.int32), lengths)
        ids, starts, ends = (
            np.concatenate([getattr(run.tokens, name)[run.first : run.end] for run in runs])
            for name in ("ids", "starts", "ends")
        )
        segments = np.where(starts < ends, texts, OUTSIDE)
        null = self.special.null % len(ids)
        label = _label(question, runs)
        first, last = label or (null, null)
        window: Window = {
            "question": index,
            "input_ids": ids,
            "global_attention_mask": texts < FIRST_TEXT,
            "segments": segments,
            "offsets": np.where(segments == OUTSIDE, 0, np.stack([starts, ends])).T,
            "start_positions": first,
            "end_positions": last,
            "null_position": null,
            "answer_lost": bool(question.answers) and label is None,
            "partial": any(is_text(run.text) and len(run) < len(run.tokens) for run in runs),
        }
        if self.special.typed:
            window["token_type_ids"] = np.repeat(np.asarray([run.type for run in runs], np.int32), lengths)
        return window


def encoder_of(
    questions: Sequence[Question], tokenizer: PreTrainedTokenizerBase, config: WindowConfig, extra: Sequence[str] = ()
) -> Encoder:
    """Tokenise questions, titles, texts and ``extra`` texts."""
    special = special_tokens_of(tokenizer)
    longest = tokenizer.model_max_length
    if not 0 < config.max_length <= longest:
        raise UserError(f"--max_length must be from 1 to {longest} for this tokenizer, got {config.max_length}")
    for option, least in (("stride", 0), ("max_question_tokens", 1), ("max_paragraph_tokens", 1)):
        if getattr(config, option) < least:
            raise UserError(f"--{option} must be >= {least}, got {getattr(config, option)}")
    texts = [text for question in questions for text in (question.text.strip(), *question.texts)]
    return Encoder(questions, tokenised([*extra, *texts], tokenizer), special, config)


def note_on_long(
    questions: Sequence[Question], tokenizer: PreTrainedTokenizerBase, config: WindowConfig
) -> tuple[str, ...]:
    """One sentence if questions are cut."""
    tokens, limit = tokenised((question.text.strip() for question in questions), tokenizer), config.longest_question
    cut = [question for question in questions if len(tokens[question.text.strip()]) > limit]
    if not cut:
        return ()
    which = f"such as {cut[0].place} (id {shown(cut[0].id)})"
    return (f"{len(cut)} of {len(questions)} questions have more than {limit} tokens and are cut there, {which}.",)


def note_on_partial(partial: int, count: int, split: str = "") -> tuple[str, ...]:
    """One sentence if questions are read without some of their text."""
    return (f"{partial} of {count} {split}questions are read with shortened paragraphs.",) if partial else ()


def context_windows(
    questions: Sequence[Question], tokenizer: PreTrainedTokenizerBase, config: WindowConfig
) -> list[Window]:
    """Windows of one segment each, ``[CLS] question [SEP] text [SEP]``, as for SQuAD; titles are not read.

    A text that does not fit is covered by windows that share ``config.stride`` tokens. In a window without the answer
    the label is the null position. Tokens are in the tokenizer's order for a pair.
    """
    encoder = encoder_of(questions, tokenizer, config)
    special, stride = encoder.special, config.stride
    windows = []
    for index, question in enumerate(questions):
        head = [*encoder.asked(index), *special.between]
        room = config.max_length - sum(map(len, [*head, *special.after]))
        if room <= stride:
            raise question.fault(
                f"the question leaves {max(room, 0)} of {config.max_length} tokens for the context, but it needs more "
                f"than the stride of {stride}; raise --max_length or lower --stride"
            )
        for number, segment in enumerate(question.segments):
            text = encoder.tokens[segment.text]
            for first in range(0, max(len(text) - stride, 1), room - stride):
                run = TokenRange(text, first, min(first + room, len(text)), special.context_type, text_number(number))
                windows.append(encoder.window(index, [*head, run, *special.after]))
    return windows


def _label(question: Question, runs: Iterable[TokenRange]) -> tuple[int, int] | None:
    placed: dict[int, tuple[TokenRange, int]] = {}
    position = 0
    for run in runs:
        placed[run.text] = run, position - run.first
        position += len(run)
    for span in question.spans:
        if span.text in placed:
            run, shift = placed[span.text]
            first, last = run.tokens.reach(span)
            if run.first <= first <= last < run.end:
                return first + shift, last + shift
    return None
