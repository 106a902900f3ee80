import dataclasses
import hashlib
import json
import math
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cmploss.errors import UserError
from cmploss.experiment import (
    Benchmark,
    Condition,
    Noise,
    RunRecord,
    Score,
    fingerprint,
    read_record,
    read_records,
    write_record,
)

RECORD = RunRecord(
    benchmark=Benchmark("tickets", "accuracy", "test"),
    condition=Condition(20, Noise("label", 0.25), 9, {"passages": 5}),
    objective={"name": "comparative(n_drop=2)", "kind": "comparative", "settings": {"n_drop": 2}, "source": None},
    seed=3,
    settings={"learning_rate": 5e-5, "names": ["a", "ü"], "few": None},
    data={"splits": {"test": {"examples": 2, "sha256": "ab"}}},
    scores=[Score("test", "accuracy", 50.0), Score("test", "loss", 0.5, {"dropout_power": 1})],
    predictions={"test": {"labels": [0, 1], "predictions": [0, 0], "probabilities": [[0.9, 0.1], [0.6, 0.4]]}},
    history=[{"step": 1.0, "loss": 0.5}],
    cost={"seconds": 1.25},
    environment={"cmploss": None},
)


def written(path: Path, **changes: object) -> Path:
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


def test_scores_by_split_measure_and_setting():
    assert RECORD.score("test", "accuracy") == RECORD.primary == 50.0
    assert RECORD.score("test", "loss", {"dropout_power": 1}) == 0.5
    for missing in (("test", "loss"), ("validation", "accuracy"), ("test", "loss", {"dropout_power": 2})):
        assert math.isnan(RECORD.score(*missing))
    assert RECORD.measures("test") == {"accuracy": 50.0}
    assert (RECORD.name, RECORD.split("test")["examples"], RECORD.split("train")) == ("comparative(n_drop=2)", 2, {})


def test_created_is_now_in_utc():
    before = datetime.now(UTC).replace(microsecond=0)
    created = datetime.fromisoformat(RunRecord(RECORD.benchmark, RECORD.condition, RECORD.objective, seed=0).created)
    assert before <= created <= datetime.now(UTC)


def test_numbers_that_are_undefined(tmp_path):
    record = dataclasses.replace(
        RECORD,
        scores=[Score("test", "accuracy", math.nan), Score("test", "f1", 1.0)],
        history=[{"loss": math.nan}],
        cost={"seconds": math.nan},
        predictions={"test": {"f1": [(math.nan, 0.5)]}},
    )
    path = tmp_path / "record.json"
    write_record(record, path)
    strict = json.loads(path.read_text(), parse_constant=pytest.fail)
    assert [score["value"] for score in strict["scores"]] == [None, 1.0]
    read = read_record(path)
    assert math.isnan(read.score("test", "accuracy"))
    assert read.score("test", "f1") == 1.0
    assert math.isnan(read.history[0]["loss"])
    assert math.isnan(read.cost["seconds"])
    assert read.predictions == {"test": {"f1": [[None, 0.5]]}}
    assert read.settings["few"] is None  # null is a value there


@pytest.mark.parametrize(
    "fault",
    [
        {"predictions": {"test": {"probabilities": [(math.nan, 0.5)]}}},
        {"predictions": {"test": {"predictions": [0.5, math.inf]}}},
        {"scores": [Score("test", "accuracy", -math.inf)]},
        {"scores": [Score("test", "loss", math.nan, {"dropout_power": 1})]},
    ],
)
def test_what_is_not_finite_is_no_record(tmp_path, fault):
    assert "finite" in message(write_record, dataclasses.replace(RECORD, **fault), tmp_path / "record.json")
    assert not list(tmp_path.iterdir())


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


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"schema": 3}, "unknown schema 3"),
        ({"schema": ...}, "unknown schema None"),
        ({"scores": ...}, "scores is missing"),
        ({"colour": "red"}, "colour is unknown"),
        ({"seed": "3"}, "seed is str"),
        ({"history": {}}, "history is dict"),
        ({"scores": None}, "scores is NoneType"),
        ({"scores": [{"split": "test"}]}, "value"),
        ({"condition": {"train_size": 8}}, "noise"),
        ({"condition": {"noise": {"kind": "fog", "level": 1}}}, "'fog' is unknown"),
        ({"benchmark": {"task": "tickets"}}, "measure"),
        ({"objective": None}, "objective is NoneType"),
    ],
)
def test_faults_name_the_file_and_the_field(tmp_path, changes, fault):
    path = written(tmp_path / "record.json", **changes)
    found = message(read_record, path)
    assert found.startswith(f"{path}: ")
    assert fault in found


OTHER_VALUES = {
    "seed": (True, 1.5, 2**60, None),
    "benchmark.task": (1, "\ud800"),
    "benchmark.unit": ("day",),
    "condition.train_size": (0, -1, "20"),
    "condition.noise.level": (None, "0.25"),
    "objective.settings": (None, [], "n_drop"),
    "objective.kind": (1,),
    "data.splits.test.examples": ("2", 2.5),
    "data.label_names": ("ab", [1, 2]),
    "data.notes": ([1],),
    "scores": ({}, [1], [{"split": "test"}], [{"split": "test", "measure": "f1", "value": "50"}]),
    "predictions.test": ([], 1),
    "predictions.test.labels": ([0], {}),
    "history": ([[]], [{"loss": "0.5"}]),
    "cost.seconds": ("1.25", []),
}


@pytest.mark.parametrize("place", OTHER_VALUES)
def test_a_value_of_another_type_is_named(tmp_path, place):
    for value in OTHER_VALUES[place]:
        document = json.loads(json.dumps(dataclasses.asdict(RECORD)))
        *folders, name = place.split(".")
        within = document
        for folder in folders:
            within = within[folder]
        within[name] = value
        (tmp_path / "record.json").write_text(json.dumps(document))
        last = "predictions.test" if place == "predictions.test.labels" and value == [0] else place
        assert f"record.json: not a record: {last}" in message(read_record, tmp_path / "record.json")


def test_numbers_of_classes_that_do_not_exist(tmp_path):
    path = written(tmp_path / "record.json", data={"label_names": ["a", "b"]}, predictions={"test": {"labels": [0, 2]}})
    words = message(read_record, path)
    assert "predictions.test has only one of labels and predictions" in words
    assert "predictions.test.labels has values that are no number of a class" in words


@pytest.mark.parametrize("content", [b"", b'{"task": ', b"\xff\xfe", b"[1, 2]", b"3"])
def test_a_file_that_is_no_record(tmp_path, content):
    path = tmp_path / "record.json"
    path.write_bytes(content)
    assert str(path) in message(read_record, path)


def test_a_missing_file(tmp_path):
    assert str(tmp_path / "none.json") in message(read_record, tmp_path / "none.json")


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
