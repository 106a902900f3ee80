"""Marks of runs that have not learnt, from curves and predictions."""

from dataclasses import replace

import pytest

from cmploss.experiment import Benchmark, Condition, RunRecord
from cmploss.experiment.convergence import convergence_marks

FALLING = [2.0, 1.95, 1.9, 1.85, 1.8, 1.75, 1.7, 1.65, 1.6, 1.55]
FLAT = [2.0, 1.2, 0.7, 0.4, 0.3, 0.25, 0.22, 0.2, 0.2, 0.2]
LABELS = [0, 1, 0, 1, 0]  # the majority class has 60 %


def run(losses=FLAT, predictions=(0, 1, 0, 1, 0), key="loss", seed=0, names=("no", "yes")):
    return RunRecord(
        Benchmark("tickets", "accuracy", "test"),
        Condition(),
        {"name": "supervised", "kind": "supervised", "settings": {}},
        seed,
        data={"label_names": list(names)},
        predictions={"test": {"labels": LABELS, "predictions": list(predictions)}},
        history=[{key: loss, "step": step} for step, loss in enumerate(losses)],
    )


@pytest.mark.parametrize(
    ("runs", "marks"),
    [
        ([run()], ()),
        ([run(FALLING)], ("still learning",)),
        ([run(FALLING[:9])], ()),  # too few points to say
        ([run(FALLING), run(FLAT, seed=1), run(FLAT, seed=2)], ()),  # their mean has flattened
        ([run(predictions=[0] * 5)], ("one class for all examples in 1 of 1 runs", "not above the majority class")),
        ([run(predictions=[1, 0, 0, 1, 1])], ("not above the majority class",)),  # 40 %
        ([run(predictions=[0, 1, 0, 0, 1])], ("not above the majority class",)),  # 60 %
        ([run(), run(predictions=[0] * 5, seed=1)], ("one class for all examples in 1 of 2 runs",)),  # mean 80 %
        ([run(predictions=[0] * 5, names=())], ()),  # numbers, not classes
        ([], ()),
    ],
)
def test_marks(runs, marks):
    assert convergence_marks(runs) == marks


def test_the_loss_on_the_validation_split_decides_where_it_is_known():
    both = run(FALLING)
    both.history.extend(run(FLAT, key="eval_loss").history)
    assert convergence_marks([both]) == ()
    few = run(FALLING)
    few.history.extend(run(FLAT[:5], key="eval_loss").history)
    assert convergence_marks([few]) == ("still learning",)


def test_a_fall_of_less_than_two_percent_of_the_first_loss_does_not_count():
    slow = [1.0 - 0.001 * step for step in range(10)]  # it falls as fast at its end as before, but hardly
    assert convergence_marks([run(slow)]) == ()


def test_folds_have_different_shares_of_the_largest_class():
    folds = [
        replace(run(predictions=right), predictions={"test": {"labels": right, "predictions": found}})
        for right, found in (([0] * 9 + [1], [0] * 9 + [1]), ([0, 1] * 5, [0, 1] * 4 + [1, 0]))
    ]
    assert convergence_marks(folds) == ()  # 100 and 80 % where the largest classes have 90 and 50 %


def test_runs_that_stopped_early_have_fifths_of_their_own():
    early, late = run([1.0] + [0.9] * 9), run([2 - step / 5 for step in range(10)] + [0.2] * 10, seed=1)
    assert [convergence_marks(runs) for runs in ([early], [late], [early, late])] == [()] * 3
    assert convergence_marks([run(FALLING), run(FALLING * 2, seed=1)]) == ("still learning",)
