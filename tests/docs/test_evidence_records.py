"""The archives of the evidence have the runs of its recipes."""

import importlib
import json
from dataclasses import replace

import pytest

from cmploss.experiment import Condition
from tests.docs.made_up_runs import made_up


def test_kept_studies_come_back_without_texts_and_weights(tmp_path, monkeypatch):
    evidence = importlib.import_module("evidence_records")
    monkeypatch.setattr(evidence, "RECORDS", tmp_path / "kept")
    files = ["study.json", "supervised/seed-0/record.json", "examples/ab.json", "best/config.json"]
    for name in files:
        (tmp_path / "runs" / "one" / name).parent.mkdir(parents=True, exist_ok=True)
        predictions = {"test": {"labels": [0], "probabilities": [[0.98765, None]]}} if "record" in name else {}
        (tmp_path / "runs" / "one" / name).write_text(json.dumps({"name": name, "predictions": predictions}))
    (tmp_path / "runs" / "one" / "looks.json").write_text("[1, 2]")
    evaluated = tmp_path / "runs" / "dl19" / "passages-3" / "lol" / "seed-0" / "record.json"  # has no study.json
    trained = tmp_path / "runs" / "reader" / "record.json"
    for path in (evaluated, trained):
        path.parent.mkdir(parents=True)
        path.write_text("{}")
    evidence.keep(tmp_path / "runs")
    first = (tmp_path / "kept" / "one.tar.gz").read_bytes()
    assert {path.name for path in (tmp_path / "kept").iterdir()} == {"one.tar.gz", "dl19.tar.gz"}
    evidence.restore(tmp_path / "back")
    found = [path for path in (tmp_path / "back" / "one").rglob("*") if path.is_file()]
    back = {path.relative_to(tmp_path / "back" / "one").as_posix(): json.loads(path.read_text()) for path in found}
    assert back.pop("looks.json") == [1, 2]
    assert {name: of["name"] for name, of in back.items()} == {name: name for name in files[:2]}
    assert back[files[1]]["predictions"] == {"test": {"labels": [0], "probabilities": [[0.99, None]]}}
    evidence.keep(tmp_path / "back")
    assert (tmp_path / "kept" / "one.tar.gz").read_bytes() == first


def test_a_record_that_is_not_of_its_recipe_is_refused():
    check = importlib.import_module("evidence_records").check
    data = {"splits": {"train": {"sha256": "a"}, "test": {"sha256": "b"}}}
    right = replace(made_up("sst2", "comparative", 3, 80.0), condition=Condition(300, steps=160), data=data)
    check("sst2", [right, right])
    other = {"splits": {"test": {"sha256": "c"}}}
    for wrong, message in (
        (replace(right, condition=Condition(300, steps=4)), "max_steps is 4, and 160 in the recipe"),
        (replace(right, condition=Condition(8, steps=160)), "few_shot is 8, and 300 in the recipe"),
        (replace(right, scores=[]), "accuracy is undefined"),
        (replace(right, data=other), "other test examples"),
    ):
        with pytest.raises(ValueError, match=f"sst2: comparative, seed 3: {message}"):
            check("sst2", [right, wrong])


def test_all_studies_of_a_data_set_have_its_test_examples():
    records = importlib.import_module("evidence_records")
    for study in (name for name in records.planned() if name.split("-")[0] in {"sst2", "mrpc", "banking77"}):
        both = [*records.records_of(study), *records.records_of(study.split("-")[0])]
        assert len({run.data["splits"]["test"]["sha256"] for run in both}) <= 1
