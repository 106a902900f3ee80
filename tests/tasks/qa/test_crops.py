from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from torch.utils.data import DataLoader

from cmploss.ablation import CmpCrop
from cmploss.errors import UserError
from cmploss.tasks.qa.collate import ViewCollator, WindowCollator
from cmploss.tasks.qa.crop_dataset import CropDataset, with_context_size
from cmploss.tasks.qa.paragraphs import paragraph_windows
from cmploss.tasks.qa.questions import Question, Segment, Span
from cmploss.tasks.qa.windows import WindowConfig
from tests.tasks.qa.texts import questions, words
from tests.tasks.qa.tokenizers import ALL, KINDS, cls_last, wordpiece
from tests.tasks.qa.window_labels import lost_answers
from tests.tiny import model_of

CONFIG = WindowConfig(max_length=200, max_paragraph_tokens=12)
asked = questions(segments=st.integers(0, 6), titles=st.none() | words, special=True)


def eight(answer="word3", number=0):
    """Ten paragraphs, numbers 3 and 7 evidence, the answer in the first of these."""
    segments = tuple(Segment(f"word{i} is {'so ' * (i % 3)}it", evidence=i in (3, 7)) for i in range(10))
    return Question(f"q{number}", "Which?", segments, (answer,), (Span(2 + 2 * 3 + 1, 0, 5),) if answer else ())


def tokens_of(window):
    """What a view reads: (text, from, to) of every token of a text."""
    return [
        (text, *place)
        for text, place in zip(window["segments"].tolist(), window["offsets"].tolist(), strict=True)
        if text >= 2
    ]


def segments_of(window):
    return list(dict.fromkeys((text - 2) // 2 for text in window["segments"].tolist() if text >= 2))


@given(kind=KINDS, question=asked, n_crop=st.integers(0, 4), seed=st.integers(0, 2**32 - 1))
def test_views_nest_keep_evidence_and_have_one_answer(kind, question, n_crop, seed):
    data = CropDataset([question], ALL[kind](), CONFIG, CmpCrop(n_crop), seed=seed)
    (views,) = data
    assert len(views) == 1 + n_crop
    gold = {number for number, segment in enumerate(question.segments) if segment.evidence}
    full = segments_of(views[0])
    assert set(full) == set(range(len(question.segments)))
    for view, crop in pairwise(views):
        held = iter(tokens_of(view))
        assert all(token in held for token in tokens_of(crop))  # the same tokens in the same order
        assert set(segments_of(crop)) >= gold
    answers = {
        None if window["answer_lost"] else (*window["segments"][[window["start_positions"], window["end_positions"]]],
        *window["offsets"][[window["start_positions"], window["end_positions"]]].ravel())
        for window in views
    }  # fmt: skip
    assert len(answers) == 1


def test_counts_and_order():
    data = CropDataset([eight()], wordpiece(), CONFIG, CmpCrop(2), seed=3)
    orders, sizes, dropped, last = set(), set(), set(), set()
    for epoch in range(60):
        data.set_epoch(epoch)
        full, first, second = map(segments_of, data[0])
        assert len(full) == 10
        assert 9 >= len(first) > len(second) >= 2
        orders.add(tuple(full))
        sizes |= {len(first), len(second)}
        dropped |= set(full) - set(first)
        distractors = [number for number in full if number not in (3, 7)]
        last.add(distractors[: len(first) - 2] == [number for number in first if number not in (3, 7)])
    assert len(orders) == 60
    assert sizes == set(range(2, 10))
    assert dropped == {0, 1, 2, 4, 5, 6, 8, 9}
    assert False in last  # it is not always the last ones that go


def test_a_question_without_distractors_is_its_own_crop():
    question = Question("q", "Who?", (Segment("Ada.", evidence=True),), ("Ada",), (Span(3, 0, 3),))
    views = CropDataset([question], wordpiece(), CONFIG, CmpCrop(3))[0]
    assert [view["input_ids"].tolist() for view in views] == [views[0]["input_ids"].tolist()] * 4


def test_the_full_view_does_not_depend_on_the_number_of_crops():
    plain, cropped = (CropDataset([eight()], wordpiece(), CONFIG, CmpCrop(n), seed=5) for n in (0, 3))
    assert len(plain[0]) == 1
    assert plain[0][0]["input_ids"].tolist() == cropped[0][0]["input_ids"].tolist()
    assert segments_of(plain[0][0]) != list(range(10))  # shuffled all the same


def draws(data, workers=0):
    return [
        [view["input_ids"].tolist() for view in views]
        for views in DataLoader(data, batch_size=None, num_workers=workers)
    ]


def test_draws_depend_on_seed_epoch_and_index_alone():
    data = CropDataset([eight(number=number) for number in range(4)], wordpiece(), CONFIG, CmpCrop(1), seed=1)
    np.random.seed(0)
    torch.manual_seed(0)
    first = draws(data)
    assert len({str(views) for views in first}) == 4  # the same question at four indices
    assert draws(data, workers=1) == first  # torch warns of more workers than cores
    loader = DataLoader(data, batch_size=None, num_workers=1, persistent_workers=True)
    epochs = []
    for epoch in (0, 1, 0):
        data.set_epoch(epoch)
        epochs.append([[view["input_ids"].tolist() for view in views] for views in loader])
    assert epochs[0] == epochs[2] == first
    assert epochs[1] != first
    other = CropDataset([eight(number=number) for number in range(4)], wordpiece(), CONFIG, CmpCrop(1), seed=2)
    assert draws(other) != first


def test_lost_answers_are_not_comparable_and_are_counted():
    long = Segment("so " * 30, evidence=True)
    lost = Question("l", "Which?", (long, Segment("no", evidence=False)), ("so",), (Span(3, 0, 89),))
    nobody = Question("n", "Which?", (long, Segment("no", evidence=False)))
    asked = [eight(), lost, nobody]
    data = CropDataset(asked, cls_last(), CONFIG, CmpCrop(2))
    batch = ViewCollator(WindowCollator(cls_last(), model_of("Bert", "span")))([data[i] for i in range(3)])
    assert batch["valid"].tolist() == [True, False, True]
    assert len(batch["views"]) == 3
    for position, view in enumerate(batch["views"]):
        single = [data[i][position] for i in range(3)]
        longest = max(len(window["input_ids"]) for window in single)
        assert view["input_ids"].shape == (3, longest)
        shifts = [longest - len(window["input_ids"]) for window in single]
        labels, nulls = (
            [window[name] + shift for window, shift in zip(single, shifts, strict=True)]
            for name in ("start_positions", "null_position")
        )
        assert view["start_positions"].tolist() == labels
        assert [label == null for label, null in zip(labels, nulls, strict=True)] == [False, True, True]
    assert lost_answers(paragraph_windows(asked, cls_last(), CONFIG, fit="training")) == {1}


def test_one_lost_view_makes_the_question_not_comparable():
    views = CropDataset([eight()], wordpiece(), CONFIG, CmpCrop(2))[0]
    collate = ViewCollator(WindowCollator(wordpiece(), model_of("Bert", "span")))
    for position in range(3):
        marked = [view | {"answer_lost": number == position} for number, view in enumerate(views)]
        assert collate([views, marked])["valid"].tolist() == [True, False]


def test_context_sizes_nest_and_keep_the_evidence():
    question = eight()
    for size, kept in (
        (20, range(10)),
        (10, range(10)),
        (6, [0, 1, 2, 3, 4, 7]),
        (3, [0, 3, 7]),
        (2, [3, 7]),
        (1, [3, 7]),
    ):
        cut = with_context_size(question, size)
        assert cut.segments == tuple(question.segments[number] for number in kept)
        (span,) = cut.spans
        assert cut.answer(span) == "word3"


def test_a_missing_flag_is_named():
    question = Question("q7", "Who?", (Segment("a", evidence=True), Segment("b")), place="own.jsonl, line 4")
    message = r"^own.jsonl, line 4 \(id 'q7'\): segments\[1\].evidence is missing; to crop or drop segments"
    with pytest.raises(UserError, match=message):
        CropDataset([question], wordpiece(), CONFIG, CmpCrop(1))
    with pytest.raises(UserError, match=message):
        with_context_size(question, 1)
