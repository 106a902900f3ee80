import pytest

from cmploss.errors import UserError
from cmploss.tasks.catalog import Columns
from cmploss.tasks.data_tables import Table
from cmploss.tasks.text.columns import own_columns, published_columns, require


def table(*names):
    return Table("d.csv", {name: ["x"] for name in names}, [2], "line")


@pytest.mark.parametrize(
    ("names", "texts", "label"),
    [
        (("id", "utterance", "intent"), ("utterance",), "intent"),
        (("premise", "hypothesis", "label", "genre"), ("premise", "hypothesis"), "label"),
        (("text_pair", "text", "score"), ("text", "text_pair"), "score"),
        (("sentence2", "sentence1", "class"), ("sentence1", "sentence2"), "class"),
    ],
)
def test_common_names_are_found(names, texts, label):
    assert own_columns(table(*names), None, None) == Columns(texts, label)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("Text", "label"), "no column has a common name for the text among 'Text', 'label'; set --text_column"),
        (("text", "review", "label"), "several columns may hold the text among .*--text_column"),
        (("premise", "hypothesis", "text", "label"), "several columns may hold the text"),
        (("text", "kind"), "no column has a common name for the label among 'text', 'kind'; set --label_column"),
        (("text", "label", "score"), "several columns may hold the label"),
        (("Great phone", "1"), ".*add a header line such as text,label if the first line is data"),
    ],
)
def test_what_is_unclear_is_not_guessed(names, message):
    with pytest.raises(UserError, match=f"^d.csv: {message}"):
        own_columns(table(*names), None, None)


def test_named_columns_are_taken():
    assert own_columns(table("a", "b", "c"), "b,a", "c") == Columns(("b", "a"), "c")
    assert own_columns(table("text", "review", "label"), "review", None) == Columns(("review",), "label")
    assert own_columns(table("label", "target"), "label", None) == Columns(("label",), "target")


@pytest.mark.parametrize("text_column", ["a,b,c", "a,a"])
def test_one_text_column_or_two_different_ones(text_column):
    with pytest.raises(UserError, match="give one column, or two different ones joined by a comma"):
        own_columns(table("a", "b", "c"), text_column, "c")


def test_the_label_is_no_text():
    with pytest.raises(UserError, match="'a' is also a text column"):
        own_columns(table("a", "b"), "a", "a")


def test_a_missing_column_lists_those_found():
    with pytest.raises(UserError, match=r"^d.csv: has no column 'c'; its columns are 'a', 'b'$"):
        require(table("a", "b"), ("a", "c", "b"))


def test_long_lists_of_columns_are_cut():
    names = [f"c{i}" for i in range(30)]
    with pytest.raises(UserError, match=r"'c19' and 10 more$"):
        require(table(*names), ["x"])


def test_the_published_form_that_fits_is_taken():
    hub, original = Columns(("a",), "label"), Columns(("a",), "gold")
    assert published_columns(table("a", "gold"), (hub, original)) == original
    assert published_columns(table("b"), (hub, original)) == hub
