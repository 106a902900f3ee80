"""Which runs are compared with one another."""

from cmploss.reports.groups import groups_of, noise_of, objectives_of
from tests.reports.runs import record_of, records_of


def with_settings(noise, steps):
    settings = {"training": {"max_steps": steps}}
    return settings | ({"noise": noise} if noise else {})


def grid(sizes, noises, steps_of):
    return [
        record_of(objective, 0, 50.0, few_shot=size, settings=with_settings(noise, steps_of(size)))
        for size in sizes
        for noise in noises
        for objective in ("comparative", "supervised")
    ]


def test_a_study_without_a_grid_is_one_cell_without_a_name():
    records = records_of({"supervised": [1.0, 2.0], "comparative": [3.0]})
    (cell,) = groups_of(records)
    assert (cell.name, cell.key, list(cell.records)) == ("", {}, records)


def test_cells_come_by_size_then_noise_and_all_examples_are_last():
    cells = groups_of(grid([None, 100, 20], ["none", "label:0.2"], lambda size: 50))
    assert [cell.name for cell in cells] == [
        "20 examples · no noise",
        "20 examples · noise label:0.2",
        "100 examples · no noise",
        "100 examples · noise label:0.2",
        "all training examples · no noise",
        "all training examples · noise label:0.2",
    ]
    assert {len(cell.records) for cell in cells} == {2}


def test_steps_that_follow_from_the_size_name_nothing():
    three_epochs = groups_of(grid([20, 100], [None], lambda size: 3 * size))
    assert [cell.key for cell in three_epochs] == [{"size": 20}, {"size": 100}]
    lengths = groups_of([*grid([20], [None], lambda _: 50), *grid([20], [None], lambda _: 200)])
    assert [cell.name for cell in lengths] == ["50 steps", "200 steps"]


def test_runs_of_other_tasks_measures_and_parts_are_kept_apart():
    runs = [
        record_of("supervised", 0, 1.0),
        record_of("supervised", 0, 1.0, task="other"),
        record_of("supervised", 0, 1.0, task="other", measure="f1"),
        record_of("supervised", 0, 1.0, data={"reported_on": "validation", "selected_on": "validation"}),
    ]
    assert sorted(cell.name for cell in groups_of(runs)) == [
        "other · accuracy · reported on test",
        "other · f1 · reported on test",
        "tickets · accuracy · reported on test",
        "tickets · accuracy · reported on validation",
    ]


def test_baselines_come_first():
    records = records_of({"comparative": [1.0], "equal_compute": [1.0], "rdrop": [1.0], "supervised": [1.0]})
    assert objectives_of(records) == ["supervised", "equal_compute", "comparative", "rdrop"]


def test_no_noise_is_said_in_one_way():
    unsaid, none = record_of("supervised", 0, 1.0), record_of("supervised", 0, 1.0, settings={"noise": None})
    said = record_of("supervised", 0, 1.0, settings={"noise": "typo:0.1"})
    assert [noise_of(run) for run in (unsaid, none, said)] == ["none", "none", "typo:0.1"]
