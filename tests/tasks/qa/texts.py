"""Texts and questions for properties: words of many scripts, with all kinds of white space between them."""

from hypothesis import strategies as st

from cmploss.tasks.qa.questions import FIRST_TEXT, NO_SPAN, YES_SPAN, Question, Segment, Span, is_text, segment_number

words = st.sampled_from(
    ["bridge", "Norland", "1402.", "naïve", "Ünder", "日本", "🙂", "a", "(b)", "US$5", "no", "–", "x" * 12]
)
gaps = st.sampled_from([" ", "  ", "\n", "\t ", "\u00a0", " \u3000", "\r\n"])

ONE, NONE = st.just(1), st.none()


@st.composite
def spaced(draw, *, most=12):
    """Words and the gaps around them, joined; white space may be at either end."""
    pieces = [draw(st.sampled_from(["", " ", "\n"]))]
    for word in draw(st.lists(words, min_size=1, max_size=most)):
        pieces += [word, draw(gaps)]
    return "".join(pieces[:-1] if draw(st.booleans()) else pieces)


texts = spaced()


def spans_of(text, number):
    """Every span of whole words."""
    edges = [i for i in range(len(text)) if not text[i].isspace()]
    starts = [i for i in edges if i == 0 or text[i - 1].isspace()]
    ends = [i + 1 for i in edges if i + 1 == len(text) or text[i + 1].isspace()]
    return [Span(number, start, end) for start in starts for end in ends if start < end]


@st.composite
def questions(draw, *, segments=ONE, titles=NONE, special=False):
    """Questions whose targets are spans of whole words, at times none."""
    count = draw(segments)
    parts = tuple(Segment(draw(spaced(most=25)), draw(titles), draw(st.booleans())) for _ in range(count))
    question = Question("q", draw(spaced(most=4)), parts)
    allowed = [
        span
        for number, text in enumerate(question.texts)
        if number >= FIRST_TEXT and parts[segment_number(number)].evidence and (special or is_text(number))
        for span in spans_of(text, number)
    ]
    allowed += [YES_SPAN, NO_SPAN] if special else []
    spans = tuple(draw(st.lists(st.sampled_from(allowed), max_size=3, unique=True))) if allowed else ()
    return Question("q", question.text, parts, tuple(map(question.answer, spans)), spans)
