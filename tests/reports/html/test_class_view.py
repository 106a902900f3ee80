"""Scores by class and confusion matrices."""

import numpy as np
import pytest

from cmploss.reports import comparison_table
from cmploss.reports.html.class_view import MOST, class_view, f1_of
from tests.reports.html.studies import run_of, two_objectives
from tests.reports.runs import changed, records_of


def test_counts_and_f1_by_hand():
    found = class_view(comparison_table(two_objectives()))
    assert (found["names"], found["examples"]) == (["billing", "login"], [2, 2])
    assert list(found["matrices"]) == ["supervised", "comparative"]
    assert found["matrices"]["comparative"] == [[(4, "1.00"), (0, "0.00")], [(2, "0.50"), (2, "0.50")]]
    assert found["f1"]["comparative"] == ["80", "67"]  # 2 * 4 / (4 + 6) and 2 * 2 / (4 + 2)


def test_a_class_that_is_never_there_has_no_score():
    assert f1_of(np.array([[2, 0], [0, 0]])).tolist() == [100.0, 0.0]


def test_the_matrices_are_those_of_the_baseline_and_the_best_other_row():
    runs = [
        run_of(name, 0, guesses)
        for name, guesses in (("supervised", [0, 1, 0, 1]), ("comparative", [1, 1, 1, 1]), ("rdrop", [0, 1, 1, 1]))
    ]
    assert list(class_view(comparison_table(runs))["matrices"]) == ["supervised", "rdrop"]


@pytest.mark.parametrize("classes", [MOST, MOST + 1])
def test_many_classes_have_no_matrix(classes):
    names = [f"class {number}" for number in range(classes)]
    runs = [changed(run, data=run.data | {"label_names": names}) for run in two_objectives()]
    found = class_view(comparison_table(runs))
    assert len(found["f1"]["supervised"]) == classes
    assert bool(found["matrices"]) == (classes == MOST)


def test_numbers_and_answers_have_no_classes():
    assert class_view(comparison_table(records_of({"supervised": [1.0]}))) is None


def test_examples_of_a_class_are_those_of_one_run():
    """Also if the first row has fewer runs than another."""
    runs = [run_of("supervised", 0, [0, 1, 0, 1])]
    runs += [run_of("comparative", seed, [0, 1, 0, 1]) for seed in range(3)]
    assert class_view(comparison_table(runs))["examples"] == class_view(comparison_table(runs[1:]))["examples"]
