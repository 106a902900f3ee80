import numpy as np
import pytest
from hypothesis import given, strategies as st
from tokenizers import Tokenizer, pre_tokenizers, processors
from transformers import BertTokenizer, PreTrainedTokenizerFast

from cmploss.errors import UserError
from cmploss.tasks.qa.questions import Span
from cmploss.tasks.qa.token_ranges import special_tokens_of, tokenised
from tests.tasks.qa.texts import texts
from tests.tasks.qa.tokenizers import ALL, KINDS, bare, byte_level, cls_last, wordpiece

EVERY = pytest.mark.parametrize("kind", ALL)


@EVERY
def test_tokens_are_those_of_the_tokenizer_however_long_the_text(kind):
    text = "The bridge of Norland has seven arches. " * 100  # more than the 512 tokens of a window
    tokenizer = ALL[kind]()
    tokens = tokenised([text, "so", text], tokenizer)
    assert set(tokens) == {text, "so"}
    assert len(tokens[text]) > 512
    assert tokens[text].ids.tolist() == tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids


@given(kind=KINDS, text=texts)
def test_places_are_sorted_and_without_white_space_around(kind, text):
    tokens = tokenised([text], ALL[kind]())[text]
    assert (np.diff(tokens.starts) >= 0).all()
    assert (np.diff(tokens.ends) >= 0).all()
    found = [text[start:end] for start, end in zip(tokens.starts, tokens.ends, strict=True)]
    assert all(piece == piece.strip() for piece in found)
    # Nothing but white space lies outside of the tokens.
    covered = np.zeros(len(text), bool)
    for start, end in zip(tokens.starts, tokens.ends, strict=True):
        covered[start:end] = True
    assert all(character.isspace() for character, inside in zip(text, covered, strict=True) if not inside)


def test_the_space_that_a_byte_level_token_includes_is_left_off():
    text = "a  bridge"
    raw = byte_level()(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    assert (1, 2) in raw  # a token of white space alone
    assert any(text[start] == " " and end > start + 1 for start, end in raw)
    tokens = tokenised([text], byte_level())[text]
    assert {(int(s), int(e)) for s, e in zip(tokens.starts, tokens.ends, strict=True) if s >= e} == {(3, 1)}
    assert (tokens.starts[-1], tokens.ends[-1])[1] == 9
    first, last = tokens.reach(Span(0, 3, 9))
    assert text[tokens.starts[first] : tokens.ends[last]] == "bridge"


@given(kind=KINDS, text=texts, data=st.data())
def test_reach_is_every_token_with_a_character_of_the_span(kind, text, data):
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    tokens = tokenised([text], ALL[kind]())[text]
    expected = [
        position
        for position, (s, e) in enumerate(zip(tokens.starts, tokens.ends, strict=True))
        if max(s, start) < min(e, end)
    ]
    first, last = tokens.reach(Span(0, start, end))
    inside = [position for position in range(first, last + 1) if tokens.starts[position] < tokens.ends[position]]
    assert inside == expected
    assert not expected or (first, last) == (expected[0], expected[-1])


@pytest.mark.parametrize(
    ("make", "before", "between", "after", "separator", "context_type", "typed", "null"),
    [
        (wordpiece, [(101, 0)], [(102, 0)], [(102, 1)], [102], 1, True, 0),
        (byte_level, [(0, 0)], [(2, 0), (2, 0)], [(2, 0)], [2], 0, False, 0),
        (cls_last, [], [(1, 0)], [(1, 1), (2, 2)], [1], 1, True, -1),
        (bare, [], [], [], [0], 1, False, 0),
    ],
)
def test_frames_of_every_kind(make, before, between, after, separator, context_type, typed, null):
    special = special_tokens_of(make())
    found = [
        [(*run.tokens.ids.tolist(), run.type) for run in runs]
        for runs in (special.before, special.between, special.after)
    ]
    assert found == [before, between, after]
    assert special.separator.ids.tolist() == separator
    assert (special.question_type, special.context_type, special.typed, special.null) == (0, context_type, typed, null)


def test_slow_tokenizers_are_refused():
    class Slow(BertTokenizer):
        is_fast = False

    with pytest.raises(UserError, match=r"^Slow is a slow tokenizer without character positions"):
        special_tokens_of(Slow(vocab={"[UNK]": 0}))


def test_a_tokenizer_that_loses_letters_is_refused():
    """As of RobBERT: words are split at white space before their bytes, so no token has the first letter of a word."""
    assert special_tokens_of(byte_level())
    tokenizer = Tokenizer.from_str(byte_level().backend_tokenizer.to_str())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.ByteLevel(add_prefix_space=True)]
    )
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False
    )
    made = PreTrainedTokenizerFast(tokenizer_object=tokenizer, cls_token="<s>", sep_token="</s>", pad_token="<pad>")
    with pytest.raises(UserError, match="loses letters: in 'tell capital towns' no token has the first one of "):
        special_tokens_of(made)
