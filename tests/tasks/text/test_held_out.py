"""Examples for a trained model: labelled ones to score and unlabelled ones to predict."""

import pytest

from cmploss.errors import UserError
from cmploss.tasks.text import DataConfig
from cmploss.tasks.text.load_texts import held_out, unlabelled_texts


@pytest.fixture
def file(tmp_path):
    def write(content, name="data.csv"):
        path = tmp_path / name
        path.write_text(content)
        return str(path)

    return write


def columns(dataset):
    return {name: list(dataset[name]) for name in dataset.column_names}


def test_own_test_file_has_the_ids_of_the_model(file):
    path = file("text,label\na,yes\nb,no\n")
    name, dataset, measures = held_out(DataConfig(test_file=path), ("yes", "no"))
    assert (name, measures) == (path, ("accuracy", "f1_macro"))
    assert columns(dataset) == {"text": ["a", "b"], "label": [0, 1]}
    _, dataset, _ = held_out(DataConfig(test_file=path), ("no", "yes"))
    assert list(dataset["label"]) == [1, 0]


def test_one_class_is_enough_to_score_and_a_class_may_be_missing(file):
    _, dataset, _ = held_out(DataConfig(test_file=file("text,label\na,yes\n")), ("no", "maybe", "yes"))
    assert list(dataset["label"]) == [2]


def test_named_columns_and_pairs(file):
    config = DataConfig(test_file=file("u,v,w\na,b,yes\n"), text_column="u,v", label_column="w")
    assert columns(held_out(config, ("no", "yes"))[1]) == {"text": ["a"], "text_pair": ["b"], "label": [1]}


def test_numbers_for_a_regression_model(file):
    _, dataset, measures = held_out(DataConfig(test_file=file("text,score\na,1.5\nb,-2\n")), ())
    assert measures == ("pearson", "spearman")
    assert columns(dataset) == {"text": ["a", "b"], "label": [1.5, -2.0]}


def test_label_that_the_model_lacks(file):
    path = file("text,label\na,yes\nb,perhaps\n")
    with pytest.raises(UserError, match=r"line 3, column 'label': the label 'perhaps' is unknown; known labels: 'yes'"):
        held_out(DataConfig(test_file=path), ("yes", "no"))


HELPDESK = ("access", "billing", "bug", "cancel", "delivery", "feature_request", "how_to", "refund")


def test_a_task_gives_its_test_part():
    name, dataset, measures = held_out(DataConfig(task="helpdesk"), HELPDESK)
    assert (name, len(dataset), measures) == ("helpdesk test", 8 * 42, ("accuracy", "f1_macro"))


def test_a_task_without_a_test_part_gives_its_validation_part(file):
    train = file("sentence\tlabel\n" + "good \t1\nbad \t0\n" * 5, "train.tsv")
    dev = file("sentence\tlabel\nfine \t1\n", "dev.tsv")
    config = DataConfig(task="sst2", train_file=train, validation_file=dev)
    name, dataset, measures = held_out(config, ("negative", "positive"))
    assert (name, measures) == ("sst2 validation", ("accuracy",))
    assert columns(dataset) == {"text": ["fine "], "label": [1]}


@pytest.mark.parametrize("labels", [("yes", "no"), (), HELPDESK[1:]])
def test_a_model_of_another_task_is_refused(labels):
    ours = ", ".join(labels) or "a number"
    with pytest.raises(UserError, match=f"the model predicts {ours}, but helpdesk has access, billing, .*refund;"):
        held_out(DataConfig(task="helpdesk"), labels)


def test_unlabelled_texts(file):
    assert columns(unlabelled_texts(file("text\na\nb\n"), None)) == {"text": ["a", "b"]}
    path = file("sentence1,sentence2,label\na,b,\n")  # the label is not read
    assert columns(unlabelled_texts(path, None)) == {"text": ["a"], "text_pair": ["b"]}
    assert columns(unlabelled_texts(file("x,y\na,b\n"), "y")) == {"text": ["b"]}


@pytest.mark.parametrize(
    ("content", "column", "message"),
    [
        ("text\na\n", "body", r"data.csv: has no column 'body'; its columns are 'text'"),
        ("text,note\na,1\n ,2\n", None, r"data.csv, line 3, column 'text'"),
        ("x\na\n", None, r"no column has a common name for the text among 'x'; set --text_column"),
        ("text\n", None, "has no rows of data"),
    ],
)
def test_faulty_unlabelled_texts(file, content, column, message):
    with pytest.raises(UserError, match=message):
        unlabelled_texts(file(content), column)


def test_a_model_may_have_the_classes_in_another_order():
    name, dataset, _ = held_out(DataConfig(task="helpdesk"), HELPDESK)
    again, turned, _ = held_out(DataConfig(task="helpdesk"), HELPDESK[::-1])
    assert (name, dataset["text"][:]) == (again, turned["text"][:])
    assert [HELPDESK[label] for label in dataset["label"][:]] == [HELPDESK[::-1][label] for label in turned["label"][:]]
