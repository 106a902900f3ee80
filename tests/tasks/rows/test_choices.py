"""Choices: the columns of known data sets, and the inputs of the model."""

import numpy as np
import pytest

from cmploss.tasks.choices.choice_kind import ChoiceKind
from cmploss.tasks.choices.choice_rows import Choices, read_choices
from cmploss.tasks.data_config import DataConfig
from cmploss.tasks.data_tables import table_of
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


def test_each_choice_is_a_pair_with_the_context():
    def tokenizer(firsts, seconds):
        return {"input_ids": [f"{first}#{second}" for first, second in zip(firsts, seconds, strict=True)]}

    kind = ChoiceKind(tokenizer, ["A", "B"])
    examples = [Choices("a", "why", ("x", "y"), 1), Choices("b", "", ("z", "w"))]
    assert kind.encoded(examples) == {"input_ids": [["a#why x", "a#why y"], ["b#z", "b#w"]], "labels": [1, 0]}
    found = Found([np.array([0.0, 1.0]), np.array([0.0, 2.0])], np.zeros(2), examples)
    assert kind.scores(found, None) == {"accuracy": 50.0}
    assert kind.lists(found, None)["accuracy"] == [100.0, 0.0]
