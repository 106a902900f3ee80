import dataclasses
import hashlib
import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cmploss.errors import UserError
from cmploss.experiment import RunRecord, fingerprint, read_record, read_records, write_record

RECORD = RunRecord(
    task="tickets",
    objective="comparative",
    seed=3,
    settings={"learning_rate": 5e-5, "objective": {"n_drop": 1, "names": ["a", "ü"]}, "few": None},
    data={"parts": {"test": {"examples": 2, "sha256": "ab"}}, "selected_on": None, "reported_on": "test"},
    scores={"test": {"accuracy": 50.0}},
    measure="accuracy",
    predictions={"test": {"labels": [0, 1], "predictions": [0, 0], "probabilities": [[0.9, 0.1], [0.6, 0.4]]}},
    curves=[{"step": 1.0, "loss": 0.5}],
    cost={"seconds": 1.25},
    environment={"cmploss": None},
)


def changed(path: Path, **changes: object) -> Path:
    """Write RECORD with some fields replaced behind the back of `write_record`; ... removes a field."""
    document = {**dataclasses.asdict(RECORD), **changes}
    path.write_text(json.dumps({name: value for name, value in document.items() if value is not ...}))
    return path


def message(call: object, *args: object) -> str:
    with pytest.raises(UserError) as caught:
        call(*args)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "new" / "folder" / "record.json"
    write_record(RECORD, path)
    assert read_record(path) == RECORD
    assert [file.name for file in path.parent.iterdir()] == ["record.json"]


def test_created_is_now_in_utc():
    age = datetime.now(UTC) - datetime.fromisoformat(RECORD.created)
    assert timedelta(0) <= age < timedelta(minutes=10)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite(tmp_path, number):
    record = dataclasses.replace(
        RECORD,
        scores={"test": {"accuracy": number, "f1": 1.0}},
        curves=[{"loss": number}],
        cost={"seconds": number},
        predictions={"test": {"probabilities": [(number, 0.5)]}},
    )
    path = tmp_path / "record.json"
    write_record(record, path)
    strict = json.loads(path.read_text(), parse_constant=pytest.fail)
    assert strict["scores"] == {"test": {"accuracy": None, "f1": 1.0}}
    read = read_record(path)
    assert math.isnan(read.scores["test"]["accuracy"])
    assert read.scores["test"]["f1"] == 1.0
    assert math.isnan(read.curves[0]["loss"])
    assert math.isnan(read.cost["seconds"])
    assert read.predictions == {"test": {"probabilities": [[None, 0.5]]}}
    assert read.settings["few"] is None  # null is a value there


def test_a_record_is_never_overwritten(tmp_path):
    path = tmp_path / "record.json"
    path.write_text("old")
    assert str(path) in message(write_record, RECORD, path)
    assert path.read_text() == "old"


@pytest.mark.parametrize("value", [object(), math.nan, {1, 2}])
def test_a_record_that_is_not_json_leaves_no_file(tmp_path, value):
    record = dataclasses.replace(RECORD, settings={"value": value})
    assert "'settings'" in message(write_record, record, tmp_path / "record.json")
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_breaks_off_leaves_no_file(tmp_path, monkeypatch):
    def break_off(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", break_off)
    with pytest.raises(KeyboardInterrupt):
        write_record(RECORD, tmp_path / "record.json")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"schema": 2}, "unknown schema 2"),
        ({"schema": ...}, "unknown schema None"),
        ({"scores": ...}, "scores is missing"),
        ({"few_shot": ...}, "few_shot is missing"),
        ({"colour": "red"}, "colour is unknown"),
        ({"seed": "3"}, "seed is str"),
        ({"curves": {}}, "curves is dict"),
        ({"few_shot": "all"}, "few_shot is str"),
        ({"scores": None}, "scores is NoneType"),
    ],
)
def test_faults_name_the_file_and_the_field(tmp_path, changes, fault):
    path = changed(tmp_path / "record.json", **changes)
    found = message(read_record, path)
    assert found.startswith(f"{path}: ")
    assert fault in found


@pytest.mark.parametrize("content", [b"", b'{"task": ', b"\xff\xfe", b"[1, 2]", b"3"])
def test_a_file_that_is_no_record(tmp_path, content):
    path = tmp_path / "record.json"
    path.write_bytes(content)
    assert str(path) in message(read_record, path)


def test_a_missing_file(tmp_path):
    assert str(tmp_path / "none.json") in message(read_record, tmp_path / "none.json")


def test_few_shot_may_be_a_number(tmp_path):
    assert read_record(changed(tmp_path / "record.json", few_shot=8)).few_shot == 8


def test_records_of_a_folder_by_path(tmp_path):
    for seed, name in [(0, "b/x"), (1, "a"), (2, "b")]:
        write_record(dataclasses.replace(RECORD, seed=seed), tmp_path / name / "record.json")
    (tmp_path / "other.json").write_text("not a record")
    # a/record.json < b/record.json < b/x/record.json
    assert [record.seed for record in read_records(tmp_path)] == [1, 2, 0]


def test_a_folder_without_records_and_no_folder(tmp_path):
    assert read_records(tmp_path) == []
    assert str(tmp_path / "none") in message(read_records, tmp_path / "none")


def test_fingerprint():
    text = '{"a":[1,null],"b":{"c":"\\u00fc","d":5e-05}}'
    expected = hashlib.sha256(text.encode()).hexdigest()[:12]
    assert fingerprint({"b": {"d": 5e-5, "c": "ü"}, "a": [1, None]}) == expected
    assert fingerprint({"b": {"d": 5e-5, "c": "ü"}, "a": [None, 1]}) != expected
    assert "settings" in message(fingerprint, {"a": math.nan})
