"""The feedback task: the layout of an input, nested revisions, what is drawn, and batches."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given, strategies as st
from torch.utils.data import DataLoader
from transformers import BertTokenizer

from cmploss.errors import UserError
from cmploss.objectives import split_labels, views_of
from cmploss.tasks.prf.prf_config import FeedbackConfig
from cmploss.tasks.prf.revisions import (
    FeedbackCollator,
    FeedbackDataset,
    FeedbackReader,
    feedback_input,
)
from tests.local_model import NEUTRAL, WORDS
from tests.tiny import model_of

CLS, SEP, PAD = (WORDS.index(word) for word in ("[CLS]", "[SEP]", "[PAD]"))
PASSAGES = [f"{word} lamp" for word in NEUTRAL[:6]]
QUERIES = ["my door", "the hub is quick", "so slow"]


def tokenizer_of():
    return BertTokenizer(vocab={word: index for index, word in enumerate(WORDS)})


def reader_of(**limits):
    return FeedbackReader(tokenizer_of(), FeedbackConfig(**limits))


def data_of(retrieved=None, *, queries=QUERIES, limits=None, **options):
    retrieved = [PASSAGES[:5]] * len(queries) if retrieved is None else retrieved
    relevant = [[number] for number in range(len(queries))]
    return FeedbackDataset(queries, retrieved, relevant, reader_of(**limits or {}), **options)


def ids_of(text):
    return [WORDS.index(word) for word in text.split()]


def passages_in(revision):
    """The passages of a revision as texts, read back from its ids."""
    words = [WORDS[index] for index in revision.input_ids]
    _, *passages = " ".join(words[1:]).split(" [SEP]")[:-1]
    return [passage.strip() for passage in passages]


def test_layout_and_segments():
    revision = reader_of()("my door", ["the lamp", "so very new"])
    expected = [CLS, *ids_of("my door"), SEP, *ids_of("the lamp"), SEP, *ids_of("so very new"), SEP]
    assert revision.input_ids == expected
    assert revision.segments == [0] * 4 + [1] * 7


def test_without_feedback_the_input_is_the_tokenizers_own():
    revision = reader_of()("my door is slow", [])
    assert revision.input_ids == tokenizer_of()("my door is slow")["input_ids"]
    assert set(revision.segments) == {0}


def test_limits_cut_query_passages_and_input():
    reader = reader_of(query_length=2, passage_length=3, input_length=10)
    revision = reader("my door is slow", ["the lamp is new", "so very bright"])
    # [CLS] and 2 + [SEP], then 3 + [SEP]; of the 10 ids 2 are left: 1 and [SEP].
    assert revision.input_ids == [CLS, *ids_of("my door"), SEP, *ids_of("the lamp is"), SEP, *ids_of("so"), SEP]


def test_an_input_shorter_than_its_query_has_the_beginning_of_it():
    assert reader_of(input_length=4)("my door is slow", ["the lamp"]).input_ids == [CLS, *ids_of("my door"), SEP]


def test_a_prompt_stands_before_the_query():
    reader = FeedbackReader(tokenizer_of(), FeedbackConfig(), prompt="so ")
    assert reader("my door", []).input_ids == [CLS, *ids_of("so my door"), SEP]


@given(
    query=st.lists(st.integers(5, 9), min_size=1, max_size=4),
    passages=st.lists(st.lists(st.integers(5, 9), min_size=1, max_size=5), max_size=6),
    length=st.integers(6, 30),
)
def test_less_feedback_is_the_beginning_of_more(query, passages, length):
    inputs = [
        feedback_input(query, passages[:count], cls=1, sep=2, length=length)[0] for count in range(len(passages) + 1)
    ]
    assert inputs[0] == [1, *query, 2]
    for less, more in pairwise(inputs):
        assert more[: len(less)] == less
        assert len(more) <= length
        assert more[-1] == 2
        assert more.count(2) == less.count(2) + (len(more) > len(less))


@given(revisions=st.integers(1, 6), seed=st.integers(0, 2**32 - 1), epoch=st.integers(0, 50), shuffle=st.booleans())
def test_revisions_have_distinct_sizes_and_nest(revisions, seed, epoch, shuffle):
    data = data_of(revisions=revisions, seed=seed, shuffle=shuffle)
    data.set_epoch(epoch)
    for index in range(len(data)):
        found = [passages_in(revision) for revision in data[index]]
        sizes = [len(passages) for passages in found]
        assert len(sizes) == revisions == len(set(sizes))
        assert sizes == sorted(sizes, reverse=True)
        assert max(sizes) <= 5
        assert all(passages == found[0][: len(passages)] for passages in found)
        assert len(set(found[0])) == len(found[0])
        assert set(found[0]) <= set(PASSAGES[:5])
        if not shuffle:
            assert found[0] == PASSAGES[: len(found[0])]


def drawn(data, epochs=40):
    for epoch in range(epochs):
        data.set_epoch(epoch)
        yield from ([passages_in(revision) for revision in data[index]] for index in range(len(data)))


@pytest.mark.parametrize(
    ("least", "revisions", "sizes"), [(3, 1, {3, 4, 5}), (5, 1, {5}), (4, 3, {4, 5}), (0, 1, set(range(6)))]
)
def test_the_smallest_number_of_passages_is_kept(least, revisions, sizes):
    found = list(drawn(data_of(revisions=revisions, limits={"min_feedback": least})))
    assert {len(passages) for revisions in found for passages in revisions} == sizes


def test_every_size_and_every_passage_is_drawn():
    found = list(drawn(data_of(revisions=1)))
    assert {len(passages) for (passages,) in found} == set(range(6))
    single = [passages[0] for (passages,) in drawn(data_of(revisions=1, shuffle=True)) if len(passages) == 1]
    assert set(single) == set(PASSAGES[:5])  # a random subset, not the first in another order


def test_draws_depend_on_seed_epoch_and_index_alone():
    data = data_of(seed=4, shuffle=True)
    epochs = []
    for epoch in (0, 1, 0):
        data.set_epoch(epoch)
        epochs.append([data[index] for index in range(len(data))])
    assert epochs[0] == epochs[2] != epochs[1]
    assert [data_of(seed=4, shuffle=True)[index] for index in (2, 1, 0)] == epochs[0][::-1]
    assert [data_of(seed=5, shuffle=True)[index] for index in range(len(data))] != epochs[0]


@pytest.mark.parametrize("workers", [0, 2])
def test_persistent_workers_hear_of_the_epoch(workers):
    data = data_of(shuffle=True)
    loader = DataLoader(data, collate_fn=list, num_workers=workers, persistent_workers=workers > 0)
    epochs = []
    for epoch in (0, 1):
        data.set_epoch(epoch)
        epochs.append([rows[0] for rows in loader])
    data.set_epoch(0)
    assert epochs[0] == [data[index] for index in range(len(data))]
    assert epochs[0] != epochs[1]


def test_few_retrieved_passages_repeat_the_smallest_revision():
    data = data_of([PASSAGES[:1], [], PASSAGES], revisions=3)
    for epoch in range(5):
        data.set_epoch(epoch)
        assert [len(passages_in(revision)) for revision in data[0]] == [1, 0, 0]
        assert [len(passages_in(revision)) for revision in data[1]] == [0, 0, 0]
        assert max(len(passages_in(revision)) for revision in data[2]) <= 5  # six were retrieved


@pytest.mark.parametrize("size", [0, 3])
def test_a_fixed_size_takes_the_first_passages(size):
    data = data_of(size=size, shuffle=True, revisions=3)
    assert [passages_in(*data[index]) for index in range(3)] == [PASSAGES[:size]] * 3


def test_batches_are_views_with_labels():
    data = data_of([PASSAGES[:5], PASSAGES[:2], []], revisions=2)
    rows = [data[index] for index in range(3)]
    batch = FeedbackCollator(tokenizer_of(), model_of())(rows)
    assert list(batch) == ["views"]
    for number, view in enumerate(views_of(batch, 2)):
        longest = max(len(row[number].input_ids) for row in rows)
        assert view["input_ids"].shape == view["token_type_ids"].shape == (3, longest)
        for row, ids, mask, types in zip(
            rows, view["input_ids"], view["attention_mask"], view["token_type_ids"], strict=True
        ):
            length = len(row[number].input_ids)
            assert ids.tolist() == row[number].input_ids + [PAD] * (longest - length)
            assert mask.tolist() == [1] * length + [0] * (longest - length)
            assert types.tolist()[:length] == row[number].segments
        inputs, labels = split_labels(view)
        assert "relevant" not in inputs
        assert labels["relevant"].tolist() == [[0], [1], [2]]


def test_relevant_rows_are_padded_with_minus_one():
    data = FeedbackDataset(QUERIES[:2], [[], []], [[4, 2, 7], [5]], reader_of(), size=0)
    view = FeedbackCollator(tokenizer_of(), model_of())([data[0], data[1]])["views"][0]
    assert view["relevant"].tolist() == [[4, 2, 7], [5, -1, -1]]
    assert view["relevant"].dtype == torch.int64


def test_a_model_with_one_token_type_gets_none():
    collate = FeedbackCollator(tokenizer_of(), model_of("Roberta", type_vocab_size=1))
    assert set(collate([data_of()[0]])["views"][0]) == {"input_ids", "attention_mask", "relevant"}


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"max_feedback": -1}, "--max_feedback must be >= 0, got -1"),
        ({"passage_length": 0}, "--passage_length must be >= 1, got 0"),
        ({"input_length": 2}, "--input_length must be >= 3, got 2"),
    ],
)
def test_limits_are_checked(limits, message):
    with pytest.raises(UserError, match=message):
        FeedbackConfig(**limits)


def test_a_tokenizer_without_special_tokens_is_refused():
    tokenizer = tokenizer_of()
    tokenizer.sep_token = None
    with pytest.raises(UserError, match="BertTokenizer has no sep_token"):
        FeedbackReader(tokenizer, FeedbackConfig())
