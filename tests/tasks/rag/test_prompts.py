"""Prompts and answers as tokens, and what is cut."""

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from cmploss.errors import UserError
from cmploss.losses.per_example import IGNORED
from cmploss.tasks.rag.prompt_config import PromptConfig
from cmploss.tasks.rag.prompts import Cut, Prompts
from cmploss.tasks.rag.rag_config import RagConfig
from tests.local_generator import WORDS, tokenizer_of
from tests.tasks.rag.questions import prompts_of, question

WORD = {name: index for index, name in enumerate(WORDS)}
QUESTION = question("lovely lamp", "dead door", "slow hub hub hub")


def ids(text):
    return [WORD[word] for word in text.split()]


def test_a_causal_example_is_the_prompt_the_answer_and_the_end():
    found = prompts_of().encoded(QUESTION)
    prompt = ids("lovely lamp dead door slow hub hub hub Question : so Answer :")
    assert found["input_ids"] == [*prompt, *ids("lovely <end>")]
    assert found["labels"] == [IGNORED, *ids("lovely <end>")]
    assert prompts_of().prompt_of(found)["input_ids"] == prompt


def test_a_seq2seq_example_has_the_answer_in_its_labels_alone():
    found = prompts_of(causal=False).encoded(QUESTION)
    assert found["input_ids"] == ids("lovely lamp dead door slow hub hub hub Question : so Answer : <end>")
    assert found["labels"] == ids("lovely <end>")


def test_the_prompt_is_a_message_where_the_tokenizer_has_a_chat_template():
    assert prompts_of(chat=True).text(QUESTION) == (
        "<user> lovely lamp\n\ndead door\n\nslow hub hub hub Question : so Answer :\n"
    )


def test_a_question_may_look_like_a_placeholder():
    text = prompts_of().text(replace(QUESTION, text="{segments} {question}"))
    assert text.endswith("Question : {segments} {question} Answer :")


def test_training_drops_the_last_distractors_and_then_shortens_evidence():
    prompts = prompts_of(max_length=4 + 5 + 4)  # the answer, the rest of the prompt, and four tokens
    fitted, cut = prompts.fitted(QUESTION, training=True)
    assert [segment.text for segment in fitted.segments] == ["lovely lamp", "dead door"]
    assert cut == Cut(questions=1, dropped=1, shortened=0, lost=4, tokens=13)
    fitted, cut = prompts_of(max_length=4 + 5 + 1).fitted(QUESTION, training=True)
    assert [segment.text for segment in fitted.segments] == ["lovely"]
    assert cut == Cut(questions=1, dropped=2, shortened=1, lost=7, tokens=13)


def test_evaluation_shortens_all_segments_alike_and_reads_no_flag():
    prompts = prompts_of(max_length=4 + 5 + 6)
    fitted, cut = prompts.fitted(QUESTION)
    assert [segment.text for segment in fitted.segments] == ["lovely lamp", "dead door", "slow hub"]
    assert cut == Cut(questions=1, dropped=0, shortened=1, lost=2, tokens=13)
    hidden = replace(QUESTION, segments=tuple(replace(each, evidence=None) for each in QUESTION.segments))
    assert prompts.text(prompts.fitted(hidden)[0]) == prompts.text(fitted)


def test_notes_give_the_shares_of_questions_and_tokens_of_a_split():
    prompts = prompts_of(max_length=4 + 5 + 6, max_answer_tokens=4)
    questions = [QUESTION, question("lamp"), question("lamp", answer="lovely lovely lovely lovely")]
    cut = Cut.sum(prompts.fitted(each)[1] for each in questions)
    assert cut == Cut(questions=1, dropped=0, shortened=1, lost=2, tokens=13 + 6 + 6)
    assert prompts.notes(cut, questions, "test ") == [
        "1 of 3 test questions did not fit into 15 tokens next to an answer: 8.0 % of the tokens of all prompts are "
        "not read (segments dropped: 0, shortened: 1).",
        "1 of 3 test questions have a first answer longer than --max_answer_tokens 4, which cannot be generated whole.",
    ]


def test_an_encoder_has_the_whole_length_for_the_prompt():
    assert prompts_of(causal=False, max_length=14).fitted(QUESTION)[1].lost == 0
    assert prompts_of(causal=True, max_length=14).fitted(QUESTION)[1].lost > 0


@given(st.lists(st.integers(0, 9), max_size=5), st.integers(1, 9), st.integers(11, 30), st.booleans(), st.booleans())
def test_what_is_read_fits_and_the_answer_is_whole(sizes, longest, length, training, causal):
    answer = " ".join(["lovely"] * 3)
    asked = question("lamp", *("hub " * size for size in sizes), answer=answer)
    prompts = prompts_of(causal=causal, max_length=length, max_answer_tokens=longest)
    room = length - max(longest, 4 * training) if causal else length
    least = 5 + 1 + (not causal) + (0 if training else sum(size > 0 for size in sizes))  # a token of each segment
    if room < least:
        with pytest.raises(UserError, match="the prompt without its segments has"):
            prompts.fitted(asked, training=training)
        return
    found = prompts.encoded(prompts.fitted(asked, training=training)[0])
    whole, kept = ids("lovely lovely lovely <end>"), found["labels"][causal:]
    assert kept == whole[: len(kept)]
    assert len(kept) == 4 or (len(found["input_ids"]) == length and causal and not training)
    assert len(prompts.prompt_of(found)["input_ids"]) <= room
    assert len(found["input_ids"]) <= length


@pytest.mark.parametrize("training", [False, True])
def test_no_input_is_too_long_for_its_answer(training):
    """An answer longer than those that are generated; in evaluation the prompt does not depend on it."""
    prompts = prompts_of(max_length=20)
    asked = question("lovely lamp is so bright and new", answer="lovely lamp is so bright and new lovely lamp")
    assert len(prompts.answer_ids(asked)) > prompts.config.max_answer_tokens
    encoded = prompts.encoded(prompts.fitted(asked, training=training)[0])
    assert len(encoded["input_ids"]) <= 20


def test_a_chat_template_that_names_the_day_makes_one_prompt():
    tokenizer = tokenizer_of(chat=True)
    tokenizer.chat_template = "{{ strftime_now('%d %b %Y') }} " + tokenizer.chat_template
    settings = PromptConfig(RagConfig().template, True, 128, 4)
    assert Prompts(tokenizer, settings, causal=True).text(QUESTION).startswith("26 July 2024 <user>")
