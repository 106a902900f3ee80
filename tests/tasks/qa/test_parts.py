import pytest

from cmploss.errors import UserError
from cmploss.tasks.qa import Question, Segment
from cmploss.tasks.qa.question_splits import completed, limited, sample, without_shared


def questions(number, groups=None, start=0):
    return tuple(
        Question(f"q{index}", "Who?", (Segment("Ann."),), ("Ann",), group=groups and f"g{index % groups:02}")
        for index in range(start, start + number)
    )


def groups_of(part):
    return sorted({question.group for question in part})


def test_articles_stay_whole_and_the_last_ones_are_held_out():
    """Of 20 articles a quarter, the last 5, is the test part, and a tenth, the 2 before them, the validation part."""
    parts, notes = completed({"train": questions(60, groups=20)}, "squad.json")
    assert groups_of(parts["test"]) == [f"g{index}" for index in range(15, 20)]
    assert groups_of(parts["validation"]) == ["g13", "g14"]
    assert groups_of(parts["train"]) == [f"g{index:02}" for index in range(13)]
    assert [len(parts[part]) for part in ("train", "validation", "test")] == [39, 6, 15]
    assert notes == [
        "squad.json was split into 39 training + 6 validation + 15 test questions (by article in the order of their "
        "names)."
    ]


def test_with_a_test_part_only_validation_is_split_off():
    given = questions(5, start=100)
    parts, _ = completed({"train": questions(40), "test": given}, "q.jsonl")
    assert parts["test"] == given
    assert len(parts["validation"]) == 4
    assert len(parts["train"]) == 36
    assert not set(parts["validation"]) & set(parts["train"])
    assert parts["validation"] != questions(40)[-4:]  # without articles at random, not the last ones


def test_a_given_validation_part_leaves_everything_as_it_is():
    given = {"train": questions(3), "validation": questions(2, start=10)}
    assert completed(given, "q.jsonl") == (given, [])


@pytest.mark.parametrize(("groups", "unit"), [(2, "article"), (None, "question")])
def test_too_few_to_split(groups, unit):
    with pytest.raises(UserError, match=f"q.json: has 2 {unit}s; a split into 3 parts needs 3"):
        completed({"train": questions(2, groups)}, "q.json")


def test_questions_of_an_earlier_part_are_left_out():
    parts, notes = without_shared({"test": questions(5, start=7), "train": questions(10)})
    assert [question.id for question in parts["test"]] == ["q10", "q11"]
    assert len(parts["train"]) == 10
    assert notes == ["3 questions of the test part also stood in an earlier part and were left out."]
    with pytest.raises(UserError, match="every question of the test part also stands in an earlier part"):
        without_shared({"train": questions(10), "test": questions(4)})


def test_limits_are_drawn_and_keep_the_order():
    parts, notes = limited({"train": questions(30), "test": questions(20, start=50)}, 10, 5)
    numbers = [int(question.id[1:]) for question in parts["train"]]
    assert len(numbers) == 10
    assert numbers == sorted(numbers)
    assert numbers != list(range(10))
    assert len(parts["test"]) == 5
    assert notes[0] == "10 of 30 training questions were drawn (random, seed 0)."
    assert limited({"train": questions(30)}, 30, None) == ({"train": questions(30)}, [])


def test_samples_of_one_seed_nest():
    assert sample(50, 20, seed=3)[:5] == sample(50, 5, seed=3)
    assert sample(50, 20, seed=3) != sample(50, 20, seed=4)
    assert sorted(sample(50, None, seed=1)) == list(range(50))
