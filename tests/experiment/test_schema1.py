"""Records of schema 1 are read as records of schema 2."""

import json

import pytest

from cmploss.errors import UserError
from cmploss.experiment import Benchmark, Condition, Noise, Score, read_record
from cmploss.experiment.schema1 import objective_of

CROP = "Comparative(CmpDrop(n_drop=1, p=0.2), CmpCrop(n_crop=2, dropout='own'), target='ultra', temperature=1.0)"
OLD = {
    "task": "squad",
    "objective": "comparative(n_drop=1,n_crop=2)",
    "seed": 3,
    "settings": {"objective": CROP, "noise": "label:0.2", "training": {"max_steps": 9}},
    "data": {
        "parts": {"test": {"examples": 2, "sha256": "ab"}},
        "label_names": [],
        "notes": [],
        "selected_on": "validation",
        "reported_on": "test",
    },
    "scores": {
        "validation": {"f1": 40.0},
        "test": {"f1": 50.0, "exact_match": None},
        "test_4_paragraphs": {"f1": 45.0},
        "test_dropout_power_2": {"f1": 30.0, "loss": 1.5},
    },
    "measure": "f1",
    "predictions": {"test": {"labels": ["a"]}},
    "curves": [{"step": 1.0, "loss": None}],
    "cost": {"seconds": 1.25},
    "environment": {"python": "3.11"},
    "few_shot": 20,
    "schema": 1,
    "created": "2026-01-31T12:00:00+00:00",
}


@pytest.fixture
def written(tmp_path):
    def write(**changes):
        path = tmp_path / "record.json"
        document = {**OLD, **changes}
        path.write_text(json.dumps({name: value for name, value in document.items() if value is not ...}))
        return path

    return write


def test_every_field_has_its_place(written):
    record = read_record(written())
    assert record.benchmark == Benchmark("squad", "f1", "test", "validation")
    assert record.condition == Condition(20, Noise("label", 0.2), 9)
    assert record.objective == {
        "name": "comparative(n_drop=1,n_crop=2)",
        "kind": "comparative",
        "settings": {"target": "ultra", "ranking_temperature": 1.0, "n_drop": 1, "dropout_p": 0.2, "n_crop": 2},
        "source": None,
    }
    assert record.settings == {
        "objective": record.objective,
        "noise": {"kind": "label", "level": 0.2},
        "training": {"max_steps": 9},
    }
    assert record.data == {"splits": {"test": {"examples": 2, "sha256": "ab"}}, "label_names": [], "notes": []}
    assert (record.seed, record.schema, record.created) == (3, 2, OLD["created"])
    assert (record.predictions, record.cost) == (OLD["predictions"], OLD["cost"])
    assert str(record.history) == "[{'step': 1.0, 'loss': nan}]"


def test_names_of_parts_become_settings_of_inference(written):
    scores = read_record(written()).scores
    assert [score for score in scores if score.measure != "exact_match"] == [
        Score("validation", "f1", 40.0),
        Score("test", "f1", 50.0),
        Score("test", "f1", 45.0, {"context_size": 4}),
        Score("test", "f1", 30.0, {"dropout_power": 2}),
        Score("test", "loss", 1.5, {"dropout_power": 2}),
    ]


def test_records_from_before_there_were_noises(written):
    record = read_record(written(settings={}, few_shot=None))
    assert record.condition == Condition()
    assert record.settings == {
        "objective": {"name": OLD["objective"], "kind": "comparative", "settings": {}} | {"source": None}
    }


@pytest.mark.parametrize(
    ("described", "settings"),
    [
        ("Supervised(dropout=False)", {}),
        (
            "RDrop(alpha=2.0, base=Supervised(dropout=True, p=0.3), engine='auto')",
            {"alpha": 2.0, "engine": "auto", "dropout_p": 0.3},
        ),
        ("Comparative(CmpCrop(n_crop=1), engine='auto')", {"engine": "auto", "n_crop": 1, "n_drop": 0}),
        ("Feedback(weight=0.5, revisions=3)", {"n_crop": 2, "feedback_weight": 0.5}),
        ("not python (", {}),
    ],
)
def test_settings_of_an_objective(described, settings):
    assert objective_of("a+b(n_drop=1)", described) == {
        "name": "a+b(n_drop=1)",
        "kind": "a+b",
        "settings": settings,
        "source": None,
    }


@pytest.mark.parametrize("changes", [{"data": ...}, {"scores": []}, {"settings": {"noise": "fog:1"}}, {"seed": "1"}])
def test_faults_name_the_file(written, changes):
    path = written(**changes)
    with pytest.raises(UserError, match=f"^{path}: "):
        read_record(path)
