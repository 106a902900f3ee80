"""Which runs are compared with one another, and what such a group is called."""

import pytest

from cmploss.errors import UserError
from cmploss.experiment import Condition, Noise
from cmploss.experiment.grouping import check_comparable, comparisons_of, names_of, shared_words
from tests.reports.runs import record_of, records_of


def grid(sizes, noises, steps_of):
    return [
        record_of(objective, 0, 50.0, train_size=size, noise=noise, steps=steps_of(size))
        for size in sizes
        for noise in noises
        for objective in ("comparative", "supervised")
    ]


def names_in(records):
    return [group.name for group in comparisons_of(records)]


def test_records_in_their_cells():
    runs = [
        record_of(name, seed, 80.0, train_size=size)
        for size in (100, 20)
        for name in ("supervised", "scl")
        for seed in (0, 1)
    ]
    found = comparisons_of([runs[0], runs[4], *runs[1:4], *runs[5:]])
    assert [group.condition for group in found] == [Condition(20), Condition(100)]
    assert [len(group.records) for group in found] == [4, 4]
    assert {run.condition.train_size for run in found[0].records} == {20}


def test_a_study_without_a_grid_is_one_group_without_a_name():
    records = records_of({"supervised": [1.0, 2.0], "comparative": [3.0]})
    (group,) = comparisons_of(records)
    assert (group.name, group.condition, list(group.records)) == ("", Condition(), records)
    assert group.benchmark == records[0].benchmark
    assert comparisons_of([]) == []


def test_small_samples_are_first_and_all_examples_last():
    groups = comparisons_of(grid([None, 100, 20], ["label:0.2", "none"], lambda size: 50))
    assert [group.name for group in groups] == [
        "20 training examples, no noise",
        "20 training examples, noise label:0.2",
        "100 training examples, no noise",
        "100 training examples, noise label:0.2",
        "all training examples, no noise",
        "all training examples, noise label:0.2",
    ]
    assert {len(group.records) for group in groups} == {2}
    assert {group.condition.steps for group in groups} == {50}


def test_noises_are_ordered_by_kind_and_rate():
    assert names_in(grid(["none"], ["typo:0.1", "label:1", "label:0.25", "none", "label:0.05"], lambda _: 50)) == [
        "no noise",
        "noise label:0.05",
        "noise label:0.25",
        "noise label:1",
        "noise typo:0.1",
    ]


def test_steps_that_follow_from_the_size_name_nothing():
    three_epochs = comparisons_of(grid([100, 20], ["none"], lambda size: 3 * size))
    assert [group.name for group in three_epochs] == ["20 training examples", "100 training examples"]
    assert [group.condition.steps for group in three_epochs] == [60, 300]
    assert names_in([*grid([20], ["none"], lambda _: 200), *grid([20], ["none"], lambda _: 50)]) == [
        "50 steps",
        "200 steps",
    ]


def test_samples_of_one_size_may_differ_in_steps():
    """Three epochs over the windows of 20 long texts: each seed has other texts."""

    def runs(few_shot):
        return [
            record_of(objective, seed, 50.0, train_size=few_shot, steps=steps)
            for seed, steps in ((0, 30), (1, 33))
            for objective in ("supervised", "comparative")
        ]

    (group,) = comparisons_of(runs(20))
    assert (group.name, group.condition, len(group.records)) == ("", Condition(20), 4)
    assert names_in(runs(None)) == ["30 steps", "33 steps"]  # all examples are the same for every seed
    longer = record_of("supervised", 0, 50.0, train_size=20, steps=60)
    assert names_in([*runs(20), longer]) == ["30 steps", "33 steps", "60 steps"]


def test_steps_that_are_not_recorded_are_told_from_others():
    runs = [record_of("supervised", 0, 50.0, steps=steps) for steps in (9, None)]
    assert names_in(runs) == ["no fixed steps", "9 steps"]


def test_runs_of_other_tasks_measures_and_parts_are_kept_apart():
    runs = [
        record_of("supervised", 0, 1.0),
        record_of("supervised", 0, 1.0, task="other"),
        record_of("supervised", 0, 1.0, task="other", measure="f1"),
        record_of("supervised", 0, 1.0, eval_split="validation"),
        record_of("supervised", 0, 1.0, selection_split=None, train_size=8),
    ]
    assert names_in(runs) == [
        "other, accuracy, reported on test, selected on validation",
        "other, f1, reported on test, selected on validation",
        "tickets, accuracy, reported on test, selected on nothing",
        "tickets, accuracy, reported on test, selected on validation",
        "tickets, accuracy, reported on validation, selected on validation",
    ]


def test_the_lengths_of_one_task_do_not_divide_another():
    runs = [
        record_of("supervised", seed, 1.0, task=task, train_size=20, steps=steps)
        for task, seed, steps in (("grid", 0, 50), ("grid", 0, 200), ("questions", 0, 30), ("questions", 1, 33))
    ]
    assert [(group.benchmark.task, len(group.records)) for group in comparisons_of(runs)] == [
        ("grid", 1),
        ("grid", 1),
        ("questions", 2),
    ]


@pytest.mark.parametrize(
    ("cell", "title"),
    [
        (Condition(), "all training examples, no noise"),
        (Condition(20, Noise("typo", 0.1), 100), "20 training examples, noise typo:0.1, 100 steps"),
        (Condition(20, others={"passages": 5}), "20 training examples, no noise, passages 5"),
    ],
)
def test_titles(cell, title):
    assert cell.title == title


def test_cells_are_named_by_what_tells_them_apart():
    cells = [Condition(20, steps=9), Condition(20, Noise("label", 0.1), 9), Condition(100, steps=9)]
    assert names_of(cells) == {
        cells[0]: "20 training examples, no noise",
        cells[1]: "20 training examples, noise label:0.1",
        cells[2]: "100 training examples, no noise",
    }
    assert shared_words(cells) == "9 steps"
    assert names_of(cells[:1]) == {cells[0]: ""}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"task": "other"}, "differ in task: 'other', 'tickets'; compare runs of one task at a time"),
        ({"measure": "f1"}, "differ in measure: 'accuracy', 'f1'"),
        ({"selection_split": None}, "differ in selection_split: 'validation', None"),
    ],
)
def test_one_benchmark(change, words):
    one = record_of("scl", 0, 1.0)
    assert check_comparable([one, record_of("scl", 0, 2.0)]) == one.benchmark
    with pytest.raises(UserError, match=words):
        check_comparable([one, record_of("scl", 0, 1.0, **change)])
    with pytest.raises(UserError, match="no records to compare"):
        check_comparable([])
