"""``cmploss predict --format glue``: files as GLUE's server scores them."""

import csv

import pytest

from cmploss.models import load_tokenizer, new_classifier
from cmploss.tasks.catalog import TASKS
from tests.local_model import reviews

PREDICT = "predict --model glue --test_file test.tsv --max_length 16"


def written(workplace, task, *, header):
    """A classifier of a task, the test file of the task, and what plain predict says about its texts."""
    encoder = str(workplace / "models" / "encoder")
    new_classifier(encoder, TASKS[task].label_names, seed=3).save_pretrained(workplace / "glue")
    load_tokenizer(encoder).save_pretrained(workplace / "glue")
    texts = [row["text"] for row in reviews(12)]
    rows = [[str(10 + n) if name == "index" else text for name in header] for n, text in enumerate(texts)]
    lines = ["\t".join(cells) for cells in [header, *rows]]
    (workplace / "test.tsv").write_text("\n".join(lines) + "\n")
    columns = ["sentence"] if len(header) == 2 else ["text_a", "text_b"]
    (workplace / "plain.csv").write_text("".join(f"{','.join(row)}\n" for row in [columns, *(r[1:] for r in rows)]))


@pytest.mark.parametrize(
    ("task", "header", "named"),
    [
        ("cola", ["index", "sentence"], False),
        ("mrpc", ["index", "#1 String", "#2 String"], False),
        ("rte", ["index", "sentence1", "sentence2"], True),
        ("qnli", ["index", "question", "sentence"], True),
        ("wnli", ["index", "sentence1", "sentence2"], False),
        ("stsb", ["index", "sentence1", "sentence2"], None),
    ],
)
def test_labels_are_those_of_the_server(cmploss, workplace, task, header, named):
    written(workplace, task, header=header)
    status, out, error = cmploss(f"{PREDICT} --format glue")
    assert (status, out) == (0, "12 predictions written to predictions.tsv\n"), error
    assert cmploss("predict --model glue --test_file plain.csv --max_length 16")[0] == 0
    with (workplace / "predictions.csv").open(newline="") as file:
        plain = [row["prediction"] for row in csv.DictReader(file)]
    names = TASKS[task].label_names
    if named is None:
        expected = [f"{min(max(float(value), 0), 5):.3f}" for value in plain]
    else:
        expected = plain if named else [str(names.index(label)) for label in plain]
        assert (plain == expected) == named
    lines = (workplace / "predictions.tsv").read_text().splitlines()
    assert lines == ["index\tprediction", *(f"{10 + n}\t{value}" for n, value in enumerate(expected))]


def test_what_is_refused(cmploss, workplace):
    (workplace / "test.tsv").write_text("index\tsentence\n0\tso\n")
    status, _, error = cmploss(f"{PREDICT} --format glue".replace("--model glue", "--model models/classifier"))
    assert (status, "bad, good, the labels of no GLUE task" in error) == (2, True)
    written(workplace, "rte", header=["index", "sentence1"])
    assert "has no column 'question'" in cmploss(f"{PREDICT} --format glue")[2]
    assert "that write CSV; leave it out" in cmploss(f"{PREDICT} --format glue --escape_formulas true")[2]
    assert "whose columns are known" in cmploss(f"{PREDICT} --format glue --text_column sentence1")[2]
    assert not (workplace / "predictions.tsv").exists()
