"""Texts as tokens: every text is tokenised once, on its own, and windows are joined from ranges of tokens."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cmploss.errors import UserError
from cmploss.tasks.qa.questions import Span

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Integers = NDArray[np.int32]
OUTSIDE = -1
PROBE = "tell capital towns"  # words whose first letters a faulty tokenizer leaves out of its tokens
JOINER = "\u200d"


@dataclass(frozen=True)
class Tokens:
    """Tokens of one text and their characters ``starts`` to ``ends`` ``(tokens,)``, without surrounding white space.

    Both are sorted. A token of white space alone has ``starts >= ends``.
    """

    ids: Integers
    starts: Integers
    ends: Integers

    def __len__(self) -> int:
        return len(self.ids)

    def reach(self, span: Span) -> tuple[int, int]:
        """The first and the last token with a character of the span; last < first if there is none."""
        first = int(np.searchsorted(self.ends, span.start, side="right"))
        last = int(np.searchsorted(self.starts, span.end, side="left")) - 1
        return first, last


@dataclass(frozen=True)
class TokenRange:
    """The tokens ``first`` to ``end`` (exclusive) of the text with that number in ``Question.texts``, or of none."""

    tokens: Tokens
    first: int
    end: int
    type: int
    text: int = OUTSIDE

    def __len__(self) -> int:
        return self.end - self.first


def all_tokens(tokens: Tokens, type: int, text: int = OUTSIDE) -> TokenRange:
    return TokenRange(tokens, 0, len(tokens), type, text)


@dataclass(frozen=True)
class SpecialTokens:
    """The special tokens that a tokenizer puts around a question and its context."""

    before: tuple[TokenRange, ...]  # Before the question
    between: tuple[TokenRange, ...]  # Between question and context
    after: tuple[TokenRange, ...]  # After the context
    separator: Tokens  # Between paragraphs: [SEP] or </s>, else the end token; empty if there is none
    question_type: int  # Token type of the question
    context_type: int  # Token type of the context
    typed: bool  # Whether the tokenizer has token types; if not, they are not used
    null: int  # Position of the token for no answer: [CLS] or <s>, else the first; negative from the end


def special_tokens_of(tokenizer: PreTrainedTokenizerBase) -> SpecialTokens:
    if not tokenizer.is_fast:
        raise UserError(
            f"{type(tokenizer).__name__} is a slow tokenizer without character positions of tokens; "
            "question answering needs a model with a fast one (tokenizer.json)"
        )
    (probe,) = tokenised([PROBE], tokenizer).values()
    read = np.zeros(len(PROBE), bool)
    for start, end in zip(probe.starts, probe.ends, strict=True):
        read[start:end] = True
    lost = [word for word in PROBE.split() if not read[PROBE.index(word)]]
    if lost:
        raise UserError(
            f"{type(tokenizer).__name__} loses letters: in {PROBE!r} no token has the first one of {', '.join(lost)}, "
            "so answers would lack theirs; choose another model"
        )
    pair = tokenizer("a", "a", return_token_type_ids=True)
    sides, ids, types = pair.sequence_ids(0), pair["input_ids"], pair["token_type_ids"]
    question, context = sides.index(0), sides.index(1)
    question_end, context_end = len(sides) - sides[::-1].index(0), len(sides) - sides[::-1].index(1)
    runs = [all_tokens(_special(id), type) for id, type in zip(ids, types, strict=True)]
    cls, sep = tokenizer.cls_token_id, tokenizer.sep_token_id
    last = cls in ids[context_end:] and cls not in ids[:question]
    return SpecialTokens(
        before=tuple(runs[:question]),
        between=tuple(runs[question_end:context]),
        after=tuple(runs[context_end:]),
        separator=_special(*(id for id in (tokenizer.eos_token_id if sep is None else sep,) if id is not None)),
        question_type=types[question],
        context_type=types[context],
        typed="token_type_ids" in tokenizer.model_input_names,
        null=ids.index(cls, context_end) - len(ids) if last else 0,
    )


def tokenised(texts: Iterable[str], tokenizer: PreTrainedTokenizerBase) -> Mapping[str, Tokens]:
    """The tokens of every text without special ones, each text once."""
    distinct = list(dict.fromkeys(texts))
    found = tokenizer(
        distinct,
        add_special_tokens=False,
        return_offsets_mapping=True,
        return_attention_mask=False,
        return_token_type_ids=False,
        verbose=False,  # texts may be longer than the model's input, windows are not
    )
    rows = zip(distinct, found["input_ids"], found["offset_mapping"], strict=True)
    return {text: _tokens(text, ids, offsets) for text, ids, offsets in rows}


def _tokens(text: str, ids: Sequence[int], offsets: Sequence[tuple[int, int]]) -> Tokens:
    at = np.arange(len(text), dtype=np.int32)
    space = np.fromiter(map(str.isspace, text), bool, len(text))
    # For each place: the next character that is not white space, and the end of the last one before it.
    following = np.append(np.minimum.accumulate(np.where(space, len(text), at)[::-1])[::-1], len(text))
    preceding = np.append(0, np.maximum.accumulate(np.where(space, 0, at + 1)))
    raw = np.asarray(offsets, np.int32).reshape(-1, 2)
    starts, ends = following[raw[:, 0]].astype(np.int32), preceding[raw[:, 1]].astype(np.int32)
    if not text.isascii():  # a tokenizer may drop combining marks, but a character ends after its marks
        mark = np.fromiter((unicodedata.category(each)[0] == "M" or each == JOINER for each in text), bool, len(text))
        base = np.append(np.minimum.accumulate(np.where(mark, len(text), at)[::-1])[::-1], len(text)).astype(np.int32)
        ends = np.where(starts < ends, base[ends], ends)
    return Tokens(np.asarray(ids, np.int32), starts, ends)


def _special(*ids: int) -> Tokens:
    nowhere = np.zeros(len(ids), np.int32)
    return Tokens(np.asarray(ids, np.int32), nowhere, nowhere)
