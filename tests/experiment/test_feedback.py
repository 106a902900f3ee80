"""The record of an evaluation comes back as it was written, and what is none is refused."""

import json
from dataclasses import asdict

import pytest

from cmploss.errors import UserError
from cmploss.experiment import read_feedback
from tests.reports.feedback.evaluations import typical

FAULTY = {
    "no_json": (lambda document: "{", "not a readable JSON file"),
    "list": (lambda document: "[]", "unknown schema None, this version reads 1"),
    "old": (lambda document: json.dumps(document | {"schema": None}), "remove the file and run the same"),
    "missing": (lambda document: json.dumps({**document, "rows": None}), "not the record of an evaluation"),
    "unknown": (lambda document: json.dumps({**document, "more": [{}], "x": 1}), "not the record of an evaluation"),
}


def test_a_record_comes_back(tmp_path):
    record = typical(20)
    path = tmp_path / "retrieval.json"
    path.write_text(json.dumps(asdict(record), allow_nan=False), encoding="utf-8")
    assert read_feedback(path) == record
    assert record.measures == ["nDCG@10", "RR@10", "AP", "R@100", "R@1000"]


@pytest.mark.parametrize("fault", FAULTY)
def test_what_is_no_record_is_refused_in_one_line(fault, tmp_path):
    text_of, words = FAULTY[fault]
    path = tmp_path / "retrieval.json"
    path.write_text(text_of(asdict(typical(3))), encoding="utf-8")
    with pytest.raises(UserError, match=words) as error:
        read_feedback(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match=r"nowhere\.json: not a readable JSON file"):
        read_feedback(tmp_path / "nowhere.json")
