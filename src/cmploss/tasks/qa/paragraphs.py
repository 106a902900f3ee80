"""Windows over several paragraphs: the question, then titles and texts one after the other.

``[CLS] yes no [SEP] question [SEP] title : text [SEP] title : text … [SEP]``

The published layout has new marker tokens for yes, no, question, title and paragraph. Here the words ``yes`` and
``no``, the tokenizer's separator and a colon replace them, so that no new embeddings are needed.

References: Zhu et al. 2024 (arXiv 2301.03765), after Beltagy et al. 2020 (arXiv 2004.05150).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from cmploss.errors import UserError
from cmploss.tasks.qa.questions import NO, YES, Question, is_text, segment_number, text_number
from cmploss.tasks.qa.token_ranges import TokenRange, Tokens, all_tokens
from cmploss.tasks.qa.windows import Encoder, Window, WindowConfig, encoder_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

COLON = ":"
Fit = Literal["training", "shortened", "windows"]
Cut = tuple[int, int]  # the tokens of a paragraph's text that are read: from, to (exclusive)
Piece = tuple[int, Cut]  # a segment's number, and what is read of its text


def paragraph_windows(
    questions: Sequence[Question], tokenizer: PreTrainedTokenizerBase, config: WindowConfig, *, fit: Fit
) -> list[Window]:
    """Windows over all paragraphs of a question.

    ``fit`` decides how:

    - ``windows``: each window has as many pieces as fit, in order. A piece is a whole text, or, of a text above
      ``config.max_paragraph_tokens``, so many tokens of it; its pieces share ``config.stride`` tokens, at most half of
      them. Everything is read.
    - ``shortened``: one window; every text is read from its start, cut to ``config.max_paragraph_tokens``. If the texts
      still do not fit into ``config.max_length``, they get equal shares of the tokens, and what short texts leave goes
      to longer ones.
    - ``training``: the same, but if this cuts off every training target, the text with the first target that fits is
      read around the target (the published code lengthens the paragraph instead).
    """
    encoder = paragraph_encoder(questions, tokenizer, config)
    windows = []
    for index in range(len(questions)):
        if fit == "windows":
            windows += [paragraph_window(encoder, index, pieces) for pieces in _packed(encoder, index)]
        else:
            cuts = cuts_of(encoder, index, keep_answer=fit == "training")
            windows.append(paragraph_window(encoder, index, list(enumerate(cuts))))
    return windows


def paragraph_encoder(
    questions: Sequence[Question], tokenizer: PreTrainedTokenizerBase, config: WindowConfig
) -> Encoder:
    encoder = encoder_of(questions, tokenizer, config, extra=("yes", "no", COLON))
    if not len(encoder.special.separator):
        raise UserError(f"{type(tokenizer).__name__} has no separator and no end token; set its sep_token")
    return encoder


def paragraph_window(encoder: Encoder, index: int, pieces: Sequence[Piece]) -> Window:
    segments = encoder.questions[index].segments
    runs = _head(encoder, index)
    for place, (number, cut) in enumerate(pieces):
        opening = _opening(encoder, index, number)
        text = TokenRange(
            encoder.tokens[segments[number].text], *cut, encoder.special.context_type, text_number(number)
        )
        runs += [*opening[place == 0 :], text]  # the tokens after the question also open the first paragraph
    return encoder.window(index, [*runs, *encoder.special.after])


def cuts_of(encoder: Encoder, index: int, *, keep_answer: bool) -> list[Cut]:
    """The tokens of each segment's text in a window over all segments, in any order; see :func:`paragraph_windows`."""
    question = encoder.questions[index]
    texts = [encoder.tokens[segment.text] for segment in question.segments]
    room = _room(encoder, index) - sum(_length(_opening(encoder, index, number)) for number in range(len(texts)))
    wanted = [min(len(text), encoder.config.max_paragraph_tokens) for text in texts]
    if room < sum(size > 0 for size in wanted):
        raise question.fault(
            f"its {len(texts)} segments do not fit into {encoder.config.max_length} tokens; raise --max_length or give "
            "fewer"
        )
    cuts = [(0, size) for size in shares(wanted, room)]
    return _around_answer(question, texts, cuts) if keep_answer else cuts


def shares(wanted: Sequence[int], room: int) -> list[int]:
    """Share tokens equally; no text gets more than it wants, and the rest goes to longer texts.

    >>> shares([10, 2, 9], 15)
    [7, 2, 6]
    """
    given = [0] * len(wanted)
    for rank, number in enumerate(sorted(range(len(wanted)), key=wanted.__getitem__)):
        given[number] = min(wanted[number], room // (len(wanted) - rank))
        room -= given[number]
    return given


def _around_answer(question: Question, texts: Sequence[Tokens], cuts: list[Cut]) -> list[Cut]:
    moved = list(cuts)
    for span in question.spans:
        if not is_text(span.text):
            return cuts  # yes, no and titles are read in full
        number = segment_number(span.text)
        first, last = texts[number].reach(span)
        size, needed = cuts[number][1], last + 1 - first
        if needed > 0 and last < size:
            return cuts
        if 0 < needed <= size and moved == cuts:
            start = min(max(first - (size - needed) // 2, 0), len(texts[number]) - size)
            moved[number] = (start, start + size)
    return moved


def _packed(encoder: Encoder, index: int) -> list[list[Piece]]:
    """The pieces of each window; a window has one piece of a text at most."""
    question, room, config = encoder.questions[index], _room(encoder, index), encoder.config
    windows: list[list[Piece]] = []
    left = 0
    for number, segment in enumerate(question.segments):
        opening, wanted = _length(_opening(encoder, index, number)), len(encoder.tokens[segment.text])
        size = min(wanted, config.max_paragraph_tokens, room - opening)
        if size < min(wanted, 1):
            raise question.fault(
                f"question and title leave no room for segments[{number}] in {config.max_length} tokens; raise "
                "--max_length"
            )
        step = max(size - min(config.stride, size // 2), 1)
        for start in range(0, max(wanted - size, 0) + step, step) if wanted > size else [0]:
            cut = start, min(start + size, wanted)
            if start or opening + cut[1] - cut[0] > left:
                windows.append([])
                left = room
            windows[-1].append((number, cut))
            left -= opening + cut[1] - cut[0]
    return windows or [[]]


def _head(encoder: Encoder, index: int) -> list[TokenRange]:
    special, kind = encoder.special, encoder.special.question_type
    *before, question = encoder.asked(index)
    yes, no = all_tokens(encoder.tokens["yes"], kind, YES), all_tokens(encoder.tokens["no"], kind, NO)
    separator = all_tokens(special.separator, kind)
    # If no token precedes the question, add a separator: yes cannot also be the token for no answer.
    return [*(before or [separator]), yes, no, separator, question, *(special.between or [separator])]


def _opening(encoder: Encoder, index: int, number: int) -> list[TokenRange]:
    """The tokens before the text of a segment: the separator, and its title and a colon if it has one."""
    title, kind = encoder.questions[index].segments[number].title, encoder.special.context_type
    opening = [all_tokens(encoder.special.separator, kind)]
    if title:
        opening.append(all_tokens(encoder.tokens[title], kind, text_number(number, title=True)))
        opening.append(all_tokens(encoder.tokens[COLON], kind))
    return opening


def _room(encoder: Encoder, index: int) -> int:
    """Tokens left for segments and their separators; the tokens after the question are the first separator."""
    taken = _length([*_head(encoder, index), *encoder.special.after])
    return encoder.config.max_length - taken + len(encoder.special.separator)


def _length(runs: Sequence[TokenRange]) -> int:
    return sum(map(len, runs))
