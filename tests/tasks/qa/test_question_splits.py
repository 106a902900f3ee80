import pytest

from cmploss.errors import UserError
from cmploss.tasks.qa import Question, Segment
from cmploss.tasks.qa.question_data import split_by_article, without_shared
from cmploss.tasks.splits import draw, sample, subsample


def questions(number, groups=None, start=0):
    return tuple(
        Question(f"q{index}", "Who?", (Segment("Ann."),), ("Ann",), group=groups and f"g{index % groups:02}")
        for index in range(start, start + number)
    )


def comparisons_of(split):
    return sorted({question.group for question in split})


def test_articles_stay_whole_and_the_last_ones_are_held_out():
    """Of 20 articles a quarter, the last 5, is the test split, and a tenth, the 2 before them, the validation split."""
    splits, notes = split_by_article({"train": questions(60, groups=20)}, "squad.json")
    assert comparisons_of(splits["test"]) == [f"g{index}" for index in range(15, 20)]
    assert comparisons_of(splits["validation"]) == ["g13", "g14"]
    assert comparisons_of(splits["train"]) == [f"g{index:02}" for index in range(13)]
    assert [len(splits[split]) for split in ("train", "validation", "test")] == [39, 6, 15]
    assert notes == [
        "squad.json was split into 39 training + 6 validation + 15 test questions (by article in the order of their "
        "names)."
    ]


def test_with_a_test_split_only_validation_is_split_off():
    given = questions(5, start=100)
    splits, _ = split_by_article({"train": questions(40), "test": given}, "q.jsonl")
    assert splits["test"] == given
    assert len(splits["validation"]) == 4
    assert len(splits["train"]) == 36
    assert not set(splits["validation"]) & set(splits["train"])
    assert splits["validation"] != questions(40)[-4:]  # without articles at random, not the last ones


def test_a_given_validation_split_leaves_everything_as_it_is():
    given = {"train": questions(3), "validation": questions(2, start=10)}
    assert split_by_article(given, "q.jsonl") == (given, [])


@pytest.mark.parametrize(("groups", "unit"), [(2, "article"), (None, "question")])
def test_too_few_to_split(groups, unit):
    with pytest.raises(UserError, match=f"q.json: has 2 {unit}s; 3 splits need 3"):
        split_by_article({"train": questions(2, groups)}, "q.json")


def test_questions_of_an_earlier_split_are_left_out():
    splits, notes = without_shared({"test": questions(5, start=7), "train": questions(10)})
    assert [question.id for question in splits["test"]] == ["q10", "q11"]
    assert len(splits["train"]) == 10
    assert notes == ["3 questions of the test split were left out: also in an earlier split."]
    with pytest.raises(UserError, match="every question of the test split is also in an earlier split"):
        without_shared({"train": questions(10), "test": questions(4)})


DRAWN = "questions were drawn (random, seed 0)"


def test_limits_are_drawn_and_keep_the_order():
    splits, notes = subsample({"train": questions(30), "test": questions(20, start=50)}, 10, 5, draw, DRAWN)
    numbers = [int(question.id[1:]) for question in splits["train"]]
    assert len(numbers) == 10
    assert numbers == sorted(numbers)
    assert numbers != list(range(10))
    assert len(splits["test"]) == 5
    assert notes[0] == "10 of 30 training questions were drawn (random, seed 0)."
    assert subsample({"train": questions(30)}, 30, None, draw, DRAWN) == ({"train": questions(30)}, [])


def test_samples_of_one_seed_nest():
    assert sample(50, 20, seed=3)[:5] == sample(50, 5, seed=3)
    assert sample(50, 20, seed=3) != sample(50, 20, seed=4)
    assert sorted(sample(50, None, seed=1)) == list(range(50))
