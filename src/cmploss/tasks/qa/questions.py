"""A question, the texts that may contain its answer, and the places of the answer."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from cmploss.errors import UserError
from cmploss.measures.answer_scores import normalise_answer
from cmploss.tasks.data_tables import shown

UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Letters of Thai, Lao, Burmese, Khmer, Japanese and Chinese, which set no spaces between words, and of Korean, whose
particles are attached to words."""
SPACED = rf"[^\W{UNSPACED}]"
YES, NO = 0, 1
FIRST_TEXT = 2  # texts of a question before this one are the answers yes and no


@dataclass(frozen=True)
class Segment:
    """A paragraph; ``evidence``: whether the answer is based on it, None if unknown."""

    text: str
    title: str | None = None
    evidence: bool | None = None

    @property
    def titled(self) -> str:
        """The text after its title, if it has one."""
        return f"{self.title}: {self.text}" if self.title else self.text


@dataclass(frozen=True)
class Span:
    """Characters ``start`` to ``end`` (exclusive) of ``Question.texts[text]``."""

    text: int
    start: int
    end: int


YES_SPAN, NO_SPAN = Span(YES, 0, 3), Span(NO, 0, 2)


@dataclass(frozen=True)
class Question:
    """One example of extractive question answering.

    Attributes:
        id: Unique in its data set.
        text: The question.
        segments: The texts that may contain the answer, in reading order; one for SQuAD.
        answers: Reference answers; () if the segments contain no answer, or it is unknown.
        spans: Training targets, the preferred one first; () if no text contains an answer.
        group: The source of the question (SQuAD: the article); splits keep a group together.
        place: File and place of the question, for messages.
    """

    id: str
    text: str
    segments: tuple[Segment, ...]
    answers: tuple[str, ...] = ()
    spans: tuple[Span, ...] = ()
    group: str | None = None
    place: str = field(default="question", compare=False)

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts that spans refer to: yes, no, then title and text of every segment (``""`` without a title).

        >>> Question("q", "Who?", (Segment("Ann did.", title="Deeds"), Segment("Bob did."))).texts
        ('yes', 'no', 'Deeds', 'Ann did.', '', 'Bob did.')
        """
        return ("yes", "no", *(text for segment in self.segments for text in (segment.title or "", segment.text)))

    def answer(self, span: Span) -> str:
        """The characters of a span."""
        return self.texts[span.text][span.start : span.end]

    def fault(self, message: str) -> UserError:
        """An error that names the question and its place."""
        return UserError(f"{self.place} (id {shown(self.id)}): {message}")


def text_number(segment: int, *, title: bool = False) -> int:
    """Index in ``Question.texts`` of the title or the text of a segment."""
    return FIRST_TEXT + 2 * segment + (not title)


def segment_number(text: int) -> int:
    """Index of the segment that a text of ``Question.texts`` belongs to; −1 for yes and no.

    >>> [segment_number(text) for text in range(6)]
    [-1, -1, 0, 0, 1, 1]
    """
    return text // 2 - FIRST_TEXT // 2


def is_text(text: int) -> bool:
    """Whether a text of ``Question.texts`` is the text of a segment, and not a title, yes or no."""
    return text >= FIRST_TEXT and (text - FIRST_TEXT) % 2 == 1


def with_segments(question: Question, kept: Sequence[int]) -> Question:
    """The question with some of its segments, in the order given; spans move or disappear with their segment."""
    moved = {number: text for text, number in enumerate(kept)}
    spans = []
    for span in question.spans:
        if span.text < FIRST_TEXT:
            spans.append(span)
        elif (segment := segment_number(span.text)) in moved:
            spans.append(replace(span, text=span.text + 2 * (moved[segment] - segment)))
    return replace(question, segments=tuple(question.segments[i] for i in kept), spans=tuple(spans))


def evidence_flags(question: Question) -> list[bool]:
    flags = [segment.evidence for segment in question.segments]
    if None in flags:
        raise question.fault(
            f"segments[{flags.index(None)}].evidence is missing; to crop or drop segments, "
            "every segment needs true or false"
        )
    return [flag is True for flag in flags]


def targets(segments: Sequence[Segment], answers: Sequence[str]) -> tuple[Span, ...]:
    """Training targets of answers whose places are not given.

    The answers yes and no are separate texts. Any other answer has a target wherever it occurs as whole words in the
    title or text of a segment, in reading order, except in segments flagged as no evidence. If it occurs nowhere, words
    may begin and end next to any letter of :data:`UNSPACED`; else it is looked up as answers are scored: without regard
    to case, punctuation, articles and repeated white space.

    >>> targets([Segment("The cat sat. Cats do.", title="cat"), Segment("A cat.", evidence=False)], ["cat"])
    (Span(text=2, start=0, end=3), Span(text=3, start=4, end=7))
    >>> targets([Segment("Paid in U.S. dollars of the mint")], ["us dollars, of mint"])
    (Span(text=3, start=8, end=32),)
    """
    special = {"yes": (YES_SPAN,), "no": (NO_SPAN,)}
    spans = [
        span
        for answer in answers
        for span in special.get(normalise_answer(answer))
        or tuple(_occurrences(segments, _exactly(answer, r"\w")))
        or tuple(_occurrences(segments, _exactly(answer, SPACED)))
        or _occurrences(segments, _loosely(answer))
    ]
    return tuple(dict.fromkeys(spans))


def _exactly(answer: str, letter: str) -> re.Pattern[str]:
    return _whole(answer[0], re.escape(answer), answer[-1], letter)


def _loosely(answer: str) -> re.Pattern[str]:
    """Texts with the same normalised form; nothing if no word is left."""
    words = [r"[^\w\s]*".join(map(re.escape, word)) for word in normalise_answer(answer).split()]
    between = r"(?:[^\w\s]*\s++(?:(?:a|an|the)\b)?)+"
    pattern = between.join(words)
    return _whole(words[0][0], pattern, words[-1][-1], SPACED, re.IGNORECASE) if words else re.compile(r"(?!)")


def _whole(first: str, pattern: str, last: str, letter: str, flags: int = 0) -> re.Pattern[str]:
    """A pattern from its first to its last character, without another ``letter`` before and after it."""
    before = f"(?<!{letter})" if re.match(letter, first) else ""
    after = f"(?!{letter})" if re.match(letter, last) else ""
    return re.compile(before + pattern + after, flags)


def _occurrences(segments: Sequence[Segment], pattern: re.Pattern[str]) -> Iterator[Span]:
    for number, segment in enumerate(segments):
        if segment.evidence is not False:
            for title, text in ((True, segment.title or ""), (False, segment.text)):
                for match in pattern.finditer(text):
                    yield Span(text_number(number, title=title), match.start(), match.end())


def checked(questions: Iterable[Question], source: str) -> list[Question]:
    """The questions of a source; checks that there are questions, non-empty segments and unique ids."""
    found = list(questions)
    if not found:
        raise UserError(f"{source}: has no questions; give at least one")
    places: dict[str, str] = {}
    for question in found:
        if not question.segments:
            raise question.fault("has no segments; give at least one")
        for number, segment in enumerate(question.segments):
            if not f"{segment.title or ''}{segment.text}".strip():
                raise question.fault(f"segments[{number}] is empty; give it a text or remove it")
        if question.id in places:
            raise question.fault(f"{places[question.id]} has the same id; ids must be unique")
        places[question.id] = question.place
    return found
