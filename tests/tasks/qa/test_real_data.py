"""The data sets in shared/data, where they are at hand: sizes as their README states them, and labels that decode."""

from pathlib import Path

import pytest

from cmploss.ablation import CmpCrop
from cmploss.tasks.qa import (
    CropDataset,
    WindowConfig,
    context_windows,
    lost_answers,
    paragraph_windows,
    read_hotpotqa,
    read_squad,
    split_by_group,
    with_context_size,
    with_distractors,
)
from tests.tasks.qa.test_windows import answer_of
from tests.tasks.qa.tokenizers import wordpiece

ROOT = Path(__file__).parents[2] / "../shared/data"
HOTPOT = {"dev_500.jsonl": (500, 80), "dev_200.jsonl": (200, 17), "train_100.json": (100, 9)}

pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason="the data folder ../shared/data is not there")


def wrong_labels(questions, windows):
    """The labelled windows whose tokens do not read as a reference answer."""
    found = [(questions[window["question"]], window) for window in windows if not window["answer_lost"]]
    spans = [(question, answer_of(question, window)) for question, window in found if question.answers]
    assert all(span is not None for _, span in spans)
    return [
        (question.answers, question.answer(span))
        for question, span in spans
        if question.answer(span) not in question.answers
    ]


def test_squad_1():
    questions = read_squad(ROOT / "squad/dev-v1.1.json")
    assert len(questions) == 10570
    assert all(question.answer(span) in question.answers for question in questions for span in question.spans)
    train, test = split_by_group(questions, 36)
    assert (len({question.group for question in train}), len({question.group for question in test})) == (36, 12)
    assert not {question.group for question in train} & {question.group for question in test}

    sample = questions[::20]
    windows = context_windows(sample, wordpiece(), WindowConfig(max_length=192, stride=64))
    assert len(windows) > len(sample)
    assert lost_answers(windows) == set()
    wrong = wrong_labels(sample, windows)
    assert len(wrong) <= 2  # answers that begin or end inside a word, such as 739 in 1739
    assert all(any(answer in found for answer in answers) for answers, found in wrong)


def test_squad_2():
    questions = read_squad(ROOT / "squad/dev-v2.0-part.json")
    assert (len(questions), sum(not question.answers for question in questions)) == (6078, 3168)
    sample = questions[::20]
    windows = context_windows(sample, wordpiece(), WindowConfig())
    assert lost_answers(windows) == set()
    for window in windows:
        unanswered = not sample[window["question"]].answers
        assert not (unanswered and window["answer_lost"])
        at_null = window["start_positions"] == window["end_positions"] == window["null_position"]
        assert at_null == (unanswered or window["answer_lost"])


def test_squad_with_distractors():
    questions = read_squad(ROOT / "squad/dev-v1.1.json")[::50]
    made = with_distractors(questions, 3)
    assert {len(question.segments) for question in made} >= {4}
    windows = paragraph_windows(made, wordpiece(), WindowConfig(max_length=512), fit="training")
    assert lost_answers(windows) == set()
    assert len(wrong_labels(made, windows)) <= 2


@pytest.mark.parametrize("name", HOTPOT)
def test_hotpotqa(name):
    questions = read_hotpotqa(ROOT / "hotpotqa" / name)
    yes_or_no = sum(question.spans[0].text < 2 for question in questions)
    assert (len(questions), yes_or_no) == HOTPOT[name]
    assert all(sum(segment.evidence for segment in question.segments) == 2 for question in questions)
    assert all(question.answer(span) in question.answers for question in questions for span in question.spans)

    sample = questions[:100]
    for fit in ("training", "windows"):
        windows = paragraph_windows(sample, wordpiece(), WindowConfig(max_length=512), fit=fit)
        assert lost_answers(windows) == set()
        assert wrong_labels(sample, windows) == []
    data = CropDataset(sample, wordpiece(), WindowConfig(max_length=512), CmpCrop(2))
    assert not any(view["answer_lost"] for index in range(20) for view in data[index])
    assert {len(with_context_size(question, 4).segments) for question in questions} <= {2, 4}


def test_fifteen_questions_are_in_two_files_of_hotpotqa():
    first, second = ({question.id for question in read_hotpotqa(ROOT / "hotpotqa" / name)} for name in list(HOTPOT)[:2])
    assert len(first & second) == 15
