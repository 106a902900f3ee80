"""A user's own measures in a study: values, records, and refusals."""

import hashlib
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from cmploss import compare
from cmploss.errors import UserError
from cmploss.measures.own_measures import check_measures, read_measures
from cmploss.tasks.text import task_data
from cmploss.tasks.text.text_task import TextTask
from tests.local_model import reviews

OPTIONS = {"objectives": "supervised,no_dropout", "seeds": 1, "max_steps": 2, "max_length": 16, "use_cpu": True}


def worst_class(labels, predictions):
    """The smallest recall of a class, in percent."""
    return 100 * min(np.mean(predictions[labels == each] == each) for each in np.unique(labels))


def test_the_first_measure_is_that_of_the_table(encoder, tmp_path):
    study = compare(
        reviews(60),
        model=encoder,
        output_dir=tmp_path / "study",
        measures={"worst": worst_class, "accuracy": "accuracy"},
        **OPTIONS,
    )
    assert study.table().benchmark.measure == "worst"
    for record in study.records():
        found = record.predictions["test"]
        labels, predictions = np.array(found["labels"]), np.array(found["predictions"])
        recalls = [100 * (predictions[labels == each] == each).mean() for each in (0, 1)]
        assert record.score("test", "worst") == pytest.approx(min(recalls))
        assert record.score("test", "accuracy") == pytest.approx(100 * (labels == predictions).mean())
        source = record.settings["measures"]["worst"]
        assert source["import"] == "tests.studies.test_own_measures:worst_class"
        assert source["sha256"] == hashlib.sha256(Path(__file__).read_bytes()).hexdigest()


def test_measures_are_names_paths_and_functions(tmp_path, monkeypatch):
    labels, predictions = np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1])
    path = "tests.studies.test_own_measures:worst_class"
    for chosen in (f"accuracy, {path}", ["accuracy", worst_class], {"accuracy": "accuracy", "worst_class": path}):
        found = {name: measure(predictions, labels) for name, measure in read_measures(chosen).items()}
        assert found == {"accuracy": 75.0, "worst_class": 50.0}
    assert list(read_measures(f"mine={path}")) == ["mine"]


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ("acuracy", "measure 'acuracy' is unknown; choose from accuracy, f1, .* or give module:function"),
        ("no_module:f", "measure no_module:f: no module named 'no_module'"),
        ({"mine": 3}, "measure 'mine': a int is not callable"),
        ("accuracy,f1,accuracy", "measure accuracy: is given twice; give another name"),
        ("a=accuracy,a=f1_macro", "measure a: is given twice"),
        ([lambda labels, found: 1.0, lambda labels, found: 2.0], "measure <lambda>: is given twice"),
        ([partial(worst_class), partial(worst_class)], "measure partial: is given twice"),
        ({"accuracy": worst_class}, "measure accuracy: is a measure of this package; give yours another name"),
        ("accuracy=f1", "measure accuracy: is a measure of this package"),
        ({"loss": worst_class}, "measure loss: is the name of the mean loss"),
    ],
)
def test_what_is_refused(chosen, message):
    with pytest.raises(UserError, match=message):
        read_measures(chosen)


def faulty(labels, predictions):
    raise RuntimeError("no\nscore")


@pytest.mark.parametrize(
    ("chosen", "numbers", "message"),
    [
        ("accuracy,f1", False, r"--measures f1: cannot score the labels of data, 3 classes \(ValueError: Target is"),
        (
            "accuracy",
            True,
            r"--measures accuracy: .* data, regression \(ValueError: .*; .*pearson and spearman for num",
        ),
        ({"mine": faulty}, False, r"--measures mine: .*\(RuntimeError: no score\)"),
        ({"mine": lambda labels, predictions: "x"}, False, r"--measures mine: .*could not convert string"),
    ],
)
def test_a_measure_that_cannot_score_the_labels_is_refused_before_anything_is_written(
    encoder, tmp_path, chosen, numbers, message
):
    labels = {"good": 2.0, "bad": 1.0} if numbers else {"good": "good", "bad": "bad"}
    rows = [{"text": row["text"], "label": labels[row["label"]]} for row in reviews(60)]
    rows += [] if numbers else [{"text": "lamp", "label": "neutral"}] * 9
    given = {"task": "regression"} if numbers else {}
    with pytest.raises(UserError, match=message) as caught:
        compare(rows, model=encoder, output_dir=tmp_path / "study", measures=chosen, **given, **OPTIONS)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "study").exists()


def test_a_class_that_the_selection_split_lacks_counts(encoder):
    rows = [{"text": row["text"], "label": row["label"]} for row in reviews(60)]
    data = task_data([*rows, {"text": "lamp", "label": "neutral"}], rows[:20], rows[20:40])
    with pytest.raises(UserError, match=r"--measures f1: .*3 classes"):
        TextTask(data, encoder, 16).with_measures("f1")


def test_a_measure_that_other_processes_cannot_import_is_refused_with_jobs(encoder, tmp_path):
    measures = {"one": lambda labels, predictions: 1.0}
    with pytest.raises(UserError, match="--jobs 2: other processes cannot import measure one"):
        compare(reviews(60), model=encoder, output_dir=tmp_path / "study", measures=measures, jobs=2, **OPTIONS)


def test_a_measure_of_errors_may_be_undefined_without_an_error():
    def inverse(labels, predictions):
        return 1 / int(abs(labels - predictions).sum())  # ZeroDivisionError

    measures, labels = read_measures({"inverse": inverse}), np.arange(5)
    with pytest.raises(ZeroDivisionError):
        measures["inverse"](labels, labels)
    assert check_measures(measures, labels, "data") is None
