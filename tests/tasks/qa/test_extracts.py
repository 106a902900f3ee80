"""Extracts of real files: every label of a window reads as a reference answer."""

from pathlib import Path

import pytest

from cmploss.ablation import CmpCrop
from cmploss.tasks.qa import CropDataset, WindowConfig
from cmploss.tasks.qa.crop_dataset import with_context_size
from cmploss.tasks.qa.hotpotqa import read_hotpotqa
from cmploss.tasks.qa.paragraphs import paragraph_windows
from cmploss.tasks.qa.question_data import split_by_article
from cmploss.tasks.qa.squad import read_squad, with_distractors
from cmploss.tasks.qa.windows import context_windows
from tests.tasks.qa.tokenizers import wordpiece
from tests.tasks.qa.window_labels import answer_of, lost_answers

FOLDER = Path(__file__).parent / "extracts"
HOTPOT = {"hotpotqa-contexts.jsonl": (6, 2), "hotpotqa-original.json": (4, 1)}  # questions, of them yes or no


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
    questions = read_squad(FOLDER / "squad-v1.1.json")
    assert len(questions) == 51
    assert all(question.answer(span) in question.answers for question in questions for span in question.spans)
    splits, _ = split_by_article({"train": tuple(questions)}, "squad")
    groups = [{question.group for question in split} for split in splits.values()]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 5

    windows = context_windows(questions, wordpiece(), WindowConfig(max_length=96, stride=32))
    assert len(windows) > len(questions)
    assert lost_answers(windows) == set()
    wrong = wrong_labels(questions, windows)
    assert all(any(answer in found for answer in answers) for answers, found in wrong)  # within a word: 739 in 1739
    assert len(wrong) <= 1


def test_squad_2():
    questions = read_squad(FOLDER / "squad-v2.0.json")
    assert (len(questions), sum(not question.answers for question in questions)) == (48, 17)
    windows = context_windows(questions, wordpiece(), WindowConfig())
    assert lost_answers(windows) == set()
    for window in windows:
        unanswered = not questions[window["question"]].answers
        assert not (unanswered and window["answer_lost"])
        at_null = window["start_positions"] == window["end_positions"] == window["null_position"]
        assert at_null == (unanswered or window["answer_lost"])


def test_squad_with_distractors():
    made = with_distractors(read_squad(FOLDER / "squad-v1.1.json"), 2)
    assert {len(question.segments) for question in made} == {3}
    windows = paragraph_windows(made, wordpiece(), WindowConfig(max_length=512), fit="training")
    assert lost_answers(windows) == set()
    assert len(wrong_labels(made, windows)) <= 1


@pytest.mark.parametrize("name", HOTPOT)
def test_hotpotqa(name):
    questions = read_hotpotqa(FOLDER / name)
    yes_or_no = sum(question.spans[0].text < 2 for question in questions)
    assert (len(questions), yes_or_no) == HOTPOT[name]
    assert all(sum(segment.evidence for segment in question.segments) == 2 for question in questions)
    assert all(question.answer(span) in question.answers for question in questions for span in question.spans)

    for fit in ("training", "windows"):
        windows = paragraph_windows(questions, wordpiece(), WindowConfig(max_length=512), fit=fit)
        assert lost_answers(windows) == set()
        assert wrong_labels(questions, windows) == []
    data = CropDataset(questions, wordpiece(), WindowConfig(max_length=512), CmpCrop(2))
    assert not any(view["answer_lost"] for index in range(len(data)) for view in data[index])
    assert {len(with_context_size(question, 4).segments) for question in questions} <= {2, 4}
