import dataclasses
import math

import numpy as np
import pytest

from cmploss.experiment.statistics import paired_measure
from cmploss.measures import MEASURES
from cmploss.reports import comparison_table, markdown_report
from cmploss.reports.extra_tables import best_lines, example_lines, label_errors, other_measures, seed_lines
from cmploss.reports.formatting import difference_text, p_text
from cmploss.reports.study_runs import StudyRuns
from tests.reports.runs import changed, record_of, records_of, scores_of

SUPERVISED = [86.0, 80.0, 90.0, 83.0, 89.0]
LABELS = [0, 1, 0, 1, 1, 0, 1, 0]
WRONG = {  # objective -> seed -> the examples it errs on
    "supervised": {0: [0, 1, 2, 3, 4], 1: [0, 1, 2, 3, 4]},
    "comparative": {0: [3, 4], 1: [4, 5]},
    "scl": {0: [0, 1, 2, 3, 4]},
}


def run_with_predictions(objective, seed, wrong, **changes):
    predictions = [1 - label if place in wrong else label for place, label in enumerate(LABELS)]
    answers = {"test": {"labels": LABELS, "predictions": predictions}}
    return record_of(objective, seed, 100 * (1 - len(wrong) / 8), predictions=answers, **changes)


def runs_with_predictions():
    return [run_with_predictions(name, seed, wrong) for name, of in WRONG.items() for seed, wrong in of.items()]


def test_seeds_have_both_tests_the_correction_and_the_effect():
    # differences 5, 6, 4, 5, 4.5 and all signs alike, 2 of 32 choices; of those of scl, 2, −2, 1, −1, 1.5, the
    # choices with a sum nearer to 0 than 1.5 are those where ±2 ± 2 ± 1 ± 1 is −2 or 2, 3 choices each, and 1.5 has
    # the other sign: 26 of 32 are not
    scores = {
        "supervised": SUPERVISED,
        "comparative": [91.0, 86.0, 94.0, 88.0, 93.5],
        "scl": [88.0, 78.0, 91.0, 82.0, 90.5],
    }
    table = comparison_table(records_of(scores))
    header, comparative, scl = seed_lines(table)
    assert header == ["objective", "Δ supervised [95 % CI]", "p", "unadjusted p", "p (signs)", "d_z", "seeds"]
    for line, row in zip((comparative, scl), table.rows[1:], strict=True):
        assert line[:2] == [row.objective, difference_text(row.difference)]
        assert line[2].rstrip("*") == p_text(row.corrected)
        assert line[3] == p_text(row.difference.p)
    assert comparative[4:] == [".06", f"+{4.9 / math.sqrt(0.55):.1f}", "5"]
    assert scl[4] == ".81"


def test_too_few_seeds_have_no_test():
    scores = {"supervised": SUPERVISED[:2], "comparative": [91.0, 86.0]}
    _, line = seed_lines(comparison_table(records_of(scores)))
    assert (line[2:5], line[6]) == (["–", "–", "–"], "2")


def test_examples_are_paired_over_the_seeds_that_both_have():
    runs = runs_with_predictions()
    (header, comparative, scl), _ = example_lines(comparison_table(runs))
    assert header[-2:] == ["examples", "seeds"]
    # per example, over two seeds: 100, 100, 100, 50, 0, −50, 0, 0: sum 300 of 8 examples. Of the 32 choices of signs
    # of the five that differ, ±300 is reached by the signs of the 100s alike and those of 50 and −50 opposed as found,
    # or both 50s adding: sums 300 ± 0, 400 and 200: 2 · (2 + 1) of 32.
    assert comparative[0] == "comparative"
    assert comparative[1].startswith("+37.5 [")
    assert comparative[2:] == [".19", ".38", "8", "2"]
    # scl shares one seed and errs where supervised does
    assert scl == ["scl", "+0.0", "1.00", "1.00", "8", "1"]


def test_no_pairs_of_examples():
    def lines_of(runs):
        return example_lines(comparison_table(runs))[0]

    runs = runs_with_predictions()
    assert lines_of(records_of({"supervised": SUPERVISED, "comparative": SUPERVISED})) == []  # no predictions
    parts = {"test": {"examples": 8, "sha256": "c"}}  # seed 1 has a test part of its own
    split = [dataclasses.replace(run, data=run.data | {"splits": parts}) if run.seed else run for run in runs]
    assert [line[0] for line in lines_of(split)] == ["objective", "scl"]
    note = "Left out: comparative (each seed has other test examples)."
    assert example_lines(comparison_table(split))[1] == note
    assert example_lines(comparison_table(runs))[1] == ""


def as_numbers(values):
    return [value + 0.1 * place for place, value in enumerate(values)]


def measured(runs, measure):
    """The same runs with another measure, computed from their predictions; of a correlation they are numbers."""
    change = as_numbers if measure in ("pearson", "spearman") else list
    found_runs = []
    for run in runs:
        found = {name: change(run.predictions["test"][name]) for name in ("labels", "predictions")}
        score = MEASURES[measure](np.array(found["predictions"]), np.array(found["labels"]))
        answers = {"predictions": {"test": found}, "scores": scores_of(test={measure: score})}
        found_runs.append(changed(run, measure=measure, **answers))
    return found_runs


@pytest.mark.parametrize("measure", ["f1", "pearson"])
def test_a_measure_that_is_no_mean_of_examples_is_computed_again(measure, monkeypatch):
    monkeypatch.setattr("cmploss.reports.extra_tables.RESAMPLES", 20)
    runs = measured(runs_with_predictions(), measure)
    table = comparison_table(runs)
    (_, comparative, scl), _ = example_lines(table)
    ours, theirs = (
        [run.predictions["test"]["predictions"] for run in runs if run.name == name]
        for name in ("comparative", "supervised")
    )
    labels = runs[0].predictions["test"]["labels"]
    expected = paired_measure(ours, theirs, labels, MEASURES[measure], resamples=20)  # both seeds
    assert expected.mean == pytest.approx(table.rows[1].mean - table.rows[0].mean)
    assert expected.mean > 1
    assert comparative[:2] == ["comparative", difference_text(expected)]
    assert comparative[2:] == [p_text(expected.p), p_text(min(1, 2 * expected.p)), "8", "2"]
    assert scl[2:] == ["1.00", "1.00", "8", "1"]


def test_what_cannot_be_computed_anew_is_left_out_with_a_reason():
    runs = measured(runs_with_predictions(), "pearson")
    nan = scores_of(test={"pearson": math.nan})
    undefined = [dataclasses.replace(run, scores=nan) if run.name == "scl" else run for run in runs]
    lines, note = example_lines(comparison_table(undefined))
    assert [line[0] for line in lines] == ["objective", "comparative"]
    assert note == "Left out: scl (pearson is undefined for a run)."
    own = [changed(run, measure="kappa", scores=scores_of(test={"kappa": 50.0})) for run in runs]
    reason = "kappa cannot be computed from the predictions"
    assert example_lines(comparison_table(own)) == ([], f"Left out: comparative ({reason}), scl ({reason}).")
    texts = {"test": {"labels": [["a"]], "predictions": ["a"]}}  # an answer is not a number
    answers = [changed(run, measure="f1", scores=scores_of(test={"f1": 50.0}), predictions=texts) for run in runs]
    lines, note = example_lines(comparison_table(answers))
    assert (lines, "f1 cannot be computed" in note) == ([], True)


def test_what_else_was_measured():
    scores = {
        "supervised": [{"f1": 50.0, "exact_match": 30.0}, {"f1": 60.0, "exact_match": 40.0}],
        "comparative": [{"f1": 55.0, "exact_match": 35.0}, {"f1": 65.0}],
    }
    runs = [
        record_of(name, seed, 0.0, measure="f1", scores=scores_of(test=found, dev={"loss": 1.0}))
        for name, of in scores.items()
        for seed, found in enumerate(of)
    ]
    table = comparison_table(runs)
    assert other_measures(table) == {"exact_match": ["35.0 ± 7.1 (2)", "35.0 (1)"]}
    alone = records_of({"supervised": SUPERVISED})
    assert other_measures(comparison_table(alone)) == {}


def test_the_best_by_validation():
    test, validation = [80.0, 90.0, 70.0, 60.0], [5.0, 8.0, 6.0, 7.0]
    runs = [
        record_of("supervised", seed, score, scores=scores_of(test={"accuracy": score}, validation={"accuracy": other}))
        for seed, (score, other) in enumerate(zip(test, validation, strict=True))
    ]
    table = comparison_table(runs)
    # 90, 70 and 60: mean 73.3, sd √((16.7² + 3.3² + 13.3²) / 2)
    expected = [["objective", "best 3 by validation", "all"], ["supervised", "73.3 ± 15.3 (3)", "75.0 ± 12.9 (4)"]]
    assert best_lines(table) == expected
    assert best_lines(comparison_table(runs[::-1])) == expected
    assert best_lines(table, keep=4) == []
    fewer = [changed(run, name="comparative") for run in runs[:3]]
    assert best_lines(comparison_table(runs + fewer)) == expected  # three of three are not chosen
    assert best_lines(comparison_table(runs, order=["supervised", "scl"])) == expected  # all runs of scl failed


@pytest.mark.parametrize("selected_on", [None, "test", "validation"])
def test_no_best_without_scores_of_another_part(selected_on):
    runs = records_of({"supervised": SUPERVISED})
    runs = [changed(run, selection_split=selected_on) for run in runs]
    assert best_lines(comparison_table(runs)) == []


def test_regression_has_errors_in_the_unit_of_the_labels():
    def run(seed, predictions, **changes):
        found = {"test": {"labels": [1.0, 2.0, 4.0, 5.0], "predictions": predictions}}
        made = record_of("supervised", seed, 50.0, predictions=found)
        return changed(made, data=made.data | {"label_names": [], **changes})

    table = comparison_table([run(0, [1.0, 2.0, 4.0, 9.0]), run(1, [1.0, 2.0, 4.0, 5.0])])
    assert label_errors(table) == {"MAE": ["0.5 ± 0.71 (2)"], "RMSE": ["1 ± 1.4 (2)"]}  # 4 / 4 and √(16 / 4), and 0
    assert label_errors(comparison_table([run(0, [1.0, 2.0, 4.0, 9.0])]))["RMSE"] == ["2 (1)"]
    assert label_errors(comparison_table([run(0, [1.0] * 4, label_names=["a", "b"])])) == {}
    assert label_errors(comparison_table([record_of("supervised", 0, 50.0)])) == {}
    without, with_errors = (
        markdown_report(study, study.tables())
        for study in (
            StudyRuns("a", [record]) for record in (record_of("supervised", 0, 50.0), run(0, [1.0, 2.0, 4.0, 9.0]))
        )
    )
    assert "| supervised | 2 (1) |" not in without
    assert "| supervised | 1 (1) | 2 (1) |" in with_errors


def test_an_undefined_score_takes_no_part_in_the_test_of_signs_and_the_effect():
    scores = {"supervised": SUPERVISED, "comparative": [91.0, 86.0, 94.0, math.nan, 93.5]}
    _, line = seed_lines(comparison_table(records_of(scores)))
    others = {name: [value for place, value in enumerate(of) if place != 3] for name, of in scores.items()}
    assert line == seed_lines(comparison_table(records_of(others)))[1]
