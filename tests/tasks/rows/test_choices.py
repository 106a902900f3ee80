"""Choices: the columns of known data sets, and the inputs of the model."""

import numpy as np
import pytest

from cmploss.errors import UserError
from cmploss.tasks.choices.choice_kind import ChoiceKind
from cmploss.tasks.choices.choice_rows import Choices, read_choices
from cmploss.tasks.data_config import DataConfig
from cmploss.tasks.data_tables import table_of
from cmploss.tasks.rows.load_rows import assembled
from cmploss.tasks.rows.row_kind import Found

ROWS = {
    "swag": {"sent1": "A", "sent2": "B", "startphrase": "A B", "ending0": "x", "ending1": "y", "label": "1"},
    "race": {"article": "A", "question": "B", "options": ["x", "y"], "answer": "B"},
    "copa": {"premise": "A", "question": "B", "choice1": "x", "choice2": "y", "label": 1},
    "hellaswag": {"ctx": "A", "endings": ["x", "y"], "label": "1"},
    "by_text": {"context": "A", "question": "B", "choices": ["x", "y"], "answer": "y"},
}


@pytest.mark.parametrize("name", ROWS)
def test_columns_of_known_data_sets(name):
    start = "" if name == "hellaswag" else "B"
    found = read_choices(table_of([ROWS[name]], "x"), DataConfig(task="multiple_choice"), None)
    assert found == (Choices("A", start, ("x", "y"), 1),)


def read(*rows):
    return read_choices(table_of([{"context": "a", **row} for row in rows], "x"), DataConfig(), None)


def labels_of(choices, labels):
    return [each.label for each in read(*({"choices": choices, "label": label} for label in labels))]


NUMBERS, LETTERS = ["2", "4", "1", "3"], ["B", "A", "D", "C"]


def test_the_labels_of_a_column_are_read_in_one_way():
    assert labels_of(NUMBERS, ["2", "4"]) == [0, 1]
    assert labels_of(NUMBERS, ["2", "0"]) == [2, 0]
    assert labels_of(NUMBERS, ["B", "A"]) == [1, 0]
    assert labels_of(LETTERS, [1, 0]) == [1, 0]
    for choices, label, remedy in ((NUMBERS, "2", "letters"), (LETTERS, "A", "numbers from 0")):
        with pytest.raises(UserError, match=f"x, row 1, column 'label': the label '{label}' can be .* write {remedy}"):
            labels_of(choices, [label])
    with pytest.raises(UserError, match=r"row 3.* 'y' is not a number from 0 to 1, as 2 of 3 labels are"):
        labels_of(["x", "y"], ["0", "1", "y"])
    with pytest.raises(UserError, match=r"row 2.* 'C' is not a letter from A to B, as 2 of 3 labels are; write"):
        labels_of(["x", "y"], ["A", "C", "B"])
    with pytest.raises(UserError, match=r"row 2.* '2' is not a number from 0 to 1, as 1 of 2 .*; numbers begin at 0$"):
        labels_of(["x", "y"], ["1", "2"])


def test_numbered_columns_are_in_the_order_of_their_numbers():
    endings = {f"ending{number}": str(number) for number in (10, *reversed(range(10)))}
    (found,) = read({**endings, "label": "A"})
    assert found.choices == tuple(map(str, range(11)))
    assert read({"choices": ["x", "y"], "option7": "a", "label": "A"})[0].choices == ("x", "y")
    for names in (["ending0", "ending2"], ["choice0", "ending1"], ["ending2", "ending3"], ["ending1", "ending01"]):
        with pytest.raises(UserError, match=f"the columns of choices are '{names[0]}', .* without gaps"):
            read({**dict.fromkeys(names, "x"), "label": "A"})


def test_each_choice_is_a_pair_with_the_context():
    def tokenizer(firsts, seconds):
        return {"input_ids": [f"{first}#{second}" for first, second in zip(firsts, seconds, strict=True)]}

    kind = ChoiceKind(tokenizer, ["A", "B"])
    examples = [Choices("a", "why", ("x", "y"), 1), Choices("b", "", ("z", "w"))]
    assert kind.encoded(examples) == {"input_ids": [["a#why x", "a#why y"], ["b#z", "b#w"]], "labels": [1, 0]}
    found = Found([np.array([0.0, 1.0]), np.array([0.0, 2.0])], np.zeros(2), examples)
    assert kind.scores(found, None) == {"accuracy": 50.0}
    assert kind.lists(found, None)["accuracy"] == [100.0, 0.0]


@pytest.mark.parametrize("names", [["A", "B", "C", "D"], ["LABEL_0", "LABEL_1"]])
def test_a_model_scores_any_number_of_choices(names):
    """Its head has one score; public models have two names, whatever they were trained on."""
    examples = read_choices(
        table_of([{"context": "a", "choices": ["x", "y", "z"], "label": 2}], "x"), DataConfig(), None
    )
    kind = ChoiceKind(None, names)
    found = Found([np.array([0.0, 1.0, 3.0])], np.zeros(1), examples)
    _, (row,) = kind.written(found, None)
    assert (row["prediction"], row["choice"]) == ("C", "z")
    assert [name for name in row if name.startswith("p(")] == ["p(A)", "p(B)", "p(C)"]
    kind.tokenizer = lambda firsts, seconds: {"input_ids": list(zip(firsts, seconds, strict=True))}
    assert kind.encoded(examples)["input_ids"] == [[("a", "x"), ("a", "y"), ("a", "z")]]


def test_questions_about_one_context_stay_in_one_split():
    """Those without a context are by themselves."""
    rows = [{"context": f"c{n // 10}", "question": f"q{n}", "choices": ["x", "y"], "label": n % 2} for n in range(100)]
    config = DataConfig(task="multiple_choice")
    data = assembled({"train": table_of(rows, "x")}, "data", config)
    contexts = [{each.context for each in of} for of in data.splits.values()]
    assert [len(of) for of in contexts] == [7, 1, 2]
    assert len(set.union(*contexts)) == 10
    sizes = {"train": 70, "validation": 10, "test": 20}
    assert (data.sizes, data.notes[0].endswith("(random, by context, seed 0).")) == (sizes, True)
    for row in rows:
        del row["context"]
    assert assembled({"train": table_of(rows, "x")}, "data", config).sizes == sizes
    given = {
        split: table_of([{"context": "c", **row}], split)
        for split, row in zip(("train", "validation"), rows, strict=False)
    }
    assert "1 context of the validation split also occurs in the training split." in assembled(given, "d", config).notes
