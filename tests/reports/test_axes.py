"""Series of groups that differ in one thing."""

from cmploss.experiment import Condition, Noise
from cmploss.experiment.grouping import comparisons_of
from cmploss.reports.axes import axes_of, axis_series
from cmploss.reports.table import tables_of
from tests.reports.runs import record_of


def run_in(cell, seed=0, score=50.0, **changes):
    return record_of("supervised", seed, score, condition=cell, **changes)


def axes_over(cells):
    return axes_of(comparisons_of([run_in(cell) for cell in cells]))


def cells_of(axis):
    return tuple((place, group.condition) for place, group in axis.points)


def places_of(axis):
    return [place for place, _ in axis.points]


NONE, WRONG, FEW_WRONG = Noise(), Noise("label", 0.4), Noise("label", 0.1)
GRID = [Condition(size, noise, steps) for size in (100, 20) for noise in (NONE, WRONG, FEW_WRONG) for steps in (9, 5)]


def test_axes_of_a_full_grid():
    found = {(axis.name, axis.fixed): axis for axis in axes_over(GRID)}
    assert len(found) == 3 * 2 + 2 * 2 + 2 * 3  # by size, by rate, by steps
    assert cells_of(found["train_size", "noise label:0.4, 5 steps"]) == (
        (20, Condition(20, WRONG, 5)),
        (100, Condition(100, WRONG, 5)),
    )
    rates = found["label", "20 training examples, 9 steps"]
    assert cells_of(rates) == (
        (0, Condition(20, NONE, 9)),
        (0.1, Condition(20, FEW_WRONG, 9)),
        (0.4, Condition(20, WRONG, 9)),
    )
    assert rates.title == "By rate of label noise: 20 training examples, 9 steps"
    assert places_of(rates) == [0.0, 0.1, 0.4]
    assert places_of(found["steps", "20 training examples, no noise"]) == [5, 9]


def test_kinds_of_noise_have_an_axis_each_and_share_the_group_without_noise():
    cells = [Condition(noise=Noise.parse(noise)) for noise in ("none", "typo:0.1", "label:0.1", "back_translation:0.5")]
    assert [(axis.name, places_of(axis)) for axis in axes_over(cells)] == [
        ("label", [0, 0.1]),
        ("typo", [0, 0.1]),
    ]
    warm = [*cells, Condition(noise=Noise("back_translation", 0.9))]
    (temperature,) = [axis for axis in axes_over(warm) if axis.name == "back_translation"]
    assert places_of(temperature) == [0.5, 0.9]  # no noise is no temperature
    assert temperature.title == "By temperature of back-translation: all training examples"


def test_other_settings_have_an_axis_each():
    cells = [Condition(others={"passages": size, "depth": depth}) for size in (3, 0) for depth in (10, 5)]
    found = {(axis.name, axis.fixed): places_of(axis) for axis in axes_over(cells)}
    shared = "all training examples, no noise"
    assert found == {
        **{("passages", f"{shared}, depth {depth}"): [0, 3] for depth in (5, 10)},
        **{("depth", f"{shared}, passages {size}"): [5, 10] for size in (0, 3)},
    }


def test_one_cell_has_no_axis():
    assert axes_over([Condition(20), Condition(20)]) == []
    assert axes_over([Condition(400), Condition()]) == []  # 400 are all: there is one place


def test_steps_that_follow_from_the_size_are_no_axis():
    (axis,) = axes_over([Condition(20, steps=60), Condition(100, steps=300)])
    assert (axis.name, axis.fixed, places_of(axis)) == ("train_size", "no noise", [20, 100])


def test_all_examples_are_at_their_number():
    (axis,) = axes_over([Condition(100, steps=9), Condition(None, steps=9)])
    assert places_of(axis) == [100, 400]
    unknown = [run_in(cell, data={}) for cell in (Condition(100), Condition(20), Condition())]
    assert [places_of(axis) for axis in axes_of(comparisons_of(unknown))] == [[20, 100]]


def test_what_differs_in_size_and_noise_is_no_series():
    assert axes_over([Condition(20), Condition(100, Noise("label", 0.2))]) == []


def test_subjects_have_axes_of_their_own():
    runs = [run_in(Condition(size), task=task) for size in (20, 100) for task in ("tickets", "reviews")]
    assert [(axis.fixed, places_of(axis)) for axis in axes_of(comparisons_of(runs))] == [
        ("reviews, no noise", [20, 100]),
        ("tickets, no noise", [20, 100]),
    ]


def test_scores_along_an_axis():
    runs = [run_in(Condition(size), seed, size + seed) for size in (20, 100) for seed in (0, 1)]
    groups = comparisons_of([*runs, run_in(Condition(), 0, 70.0), run_in(Condition(400), 1, 80.0)])
    (axis,) = axes_of(groups)
    assert axis_series(tables_of(groups), axis) == {
        "supervised": {20: [20.0, 21.0], 100: [100.0, 101.0], 400: [80.0, 70.0]}
    }
