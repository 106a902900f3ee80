"""Which examples are shown, and what is said of them."""

import pytest

from cmploss.errors import UserError
from cmploss.reports import comparison_table
from cmploss.reports.html.example_view import disagreements
from tests.reports.html.studies import run_of, two_objectives
from tests.reports.runs import record_of, scores_of

SHA = "b" * 64


def found_in(records, texts=None, most=100):
    return disagreements(comparison_table(records), texts or {}, most=most)


def test_examples_on_which_objectives_differ():
    found = found_in(two_objectives())
    assert (found["total"], found["differing"], found["seeds"], found["labels"]) == (4, 3, 2, ("billing", "login"))
    assert [item["n"] for item in found["shown"]] == [2, 3, 4]  # on the first all are right
    assert found["gains"] == {"comparative": [2, 1, 1]}  # better, equal, worse
    assert found["shown"][0] == {
        "n": 2,
        "label": "login",
        "text": "",
        "more": "",
        "r": [
            [100.0, "right in 2 of 2", "login ×2", "0.75 (0.75–0.75)", [1]],
            [0.0, "right in 0 of 2", "billing ×2", "0.25 (0.25–0.25)", [0]],
        ],
    }


def test_probabilities_of_a_run_that_had_diverged_are_left_out():
    records = two_objectives()
    records[0].predictions["test"]["probabilities"][1] = [None, None]
    assert [result[3] for result in found_in(records)["shown"][0]["r"]] == ["", "0.25 (0.25–0.25)"]
    for record in records:  # a task of a user need not have any
        del record.predictions["test"]["probabilities"]
    results = found_in(records)["shown"][0]["r"]
    assert [(result[1], result[3]) for result in results] == [("right in 2 of 2", ""), ("right in 0 of 2", "")]


def test_the_largest_difference_comes_first_and_the_rest_is_counted():
    records = [run_of("supervised", seed, [0, 0, 0, 0]) for seed in (0, 1)]
    records += [run_of("comparative", 0, [0, 1, 0, 1]), run_of("comparative", 1, [0, 0, 0, 1])]
    found = found_in(records, most=1)
    assert [item["n"] for item in found["shown"]] == [4]  # both seeds gain there, one on example 2
    assert found["differing"] == 2


def test_only_seeds_that_all_have_are_compared():
    records = [
        run_of("supervised", 0, [0, 1, 0, 1]),
        run_of("supervised", 1, [1, 0, 1, 0]),
        run_of("comparative", 0, [0, 1, 0, 1]),
    ]
    found = found_in(records)
    assert (found["seeds"], found["differing"]) == (1, 0)


def test_texts_are_found_by_the_fingerprint_of_their_part():
    texts = [("one", ""), ("two", "second"), ("three", ""), ("x" * 500, "")]
    found = found_in(two_objectives(), {SHA: texts, "other": []})
    assert [(item["text"], item["more"]) for item in found["shown"]] == [
        ("two", "second"),
        ("three", ""),
        ("x" * 400 + "…", ""),
    ]
    assert found["has_texts"]


def test_texts_of_another_length_are_refused():
    with pytest.raises(UserError, match="2 texts for 4 predictions"):
        found_in(two_objectives(), {SHA: [("one", ""), ("two", "")]})


def answers(f1, predictions):
    return {"test": {"labels": [["Ann", "Ann"], []], "predictions": predictions, "f1": f1, "exact_match": f1}}


def test_questions_show_answers_and_the_context_around_them():
    data = record_of("supervised", 0, 0.0).data | {"label_names": []}
    scores = scores_of(test={"f1": 50.0})
    runs = [("supervised", [100.0, 100.0], ["Ann", ""]), ("comparative", [0.0, 100.0], ["Bob", ""])]
    records = [
        record_of(name, 0, 0.0, predictions=answers(f1, guesses), data=data, scores=scores, measure="f1")
        for name, f1, guesses in runs
    ]
    found = found_in(records, {SHA: [("Who?", "z" * 1000 + "Ann" + "z" * 1000), ("What?", "")]})
    (item,) = found["shown"]
    assert (item["label"], item["text"]) == ("Ann", "Who?")
    assert "Ann" in item["more"]
    assert len(item["more"]) == 400 + 2  # an ellipsis at both ends
    assert item["r"] == [[100.0, "f1 100", "Ann", ""], [0.0, "f1 0", "Bob", ""]]
    assert found["word"] == "answer"


def test_numbers_show_their_distance():
    data = record_of("supervised", 0, 0.0).data | {"label_names": []}
    records = [
        record_of(name, 0, 0.0, predictions={"test": {"labels": [2.0], "predictions": [guess]}}, data=data)
        for name, guess in (("supervised", 2.5), ("comparative", 2.0))
    ]
    found = found_in(records)
    (item,) = found["shown"]
    assert item["label"] == "2"
    assert item["r"] == [[-0.5, "off by 0.50", "2.50", ""], [0.0, "off by 0.00", "2.00", ""]]


@pytest.mark.parametrize(
    "records",
    [
        two_objectives()[:1],  # one objective
        [run_of("supervised", 0, [0, 1, 0, 1]), run_of("comparative", 1, [0, 1, 0, 1])],  # no shared seed
        [record_of("supervised", 0, 50.0), record_of("comparative", 0, 50.0)],  # no predictions
    ],
)
def test_nothing_to_compare(records):
    assert found_in(records) is None


def test_a_test_part_of_its_own_for_each_seed_is_not_compared():
    def data(seed):
        return {**record_of("x", 0, 0.0).data, "splits": {"test": {"examples": 4, "sha256": f"{seed}"}}}

    records = [run_of(name, seed, [0, 1, 0, 1], data=data(seed)) for seed in (0, 1) for name in ("supervised", "rdrop")]
    assert found_in(records) is None
