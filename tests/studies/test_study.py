"""A comparison end to end: its records, its best checkpoint, and that running it again runs only what is missing."""

import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from transformers import AutoModelForSequenceClassification, AutoTokenizer, TrainingArguments, pipeline

from cmploss.errors import UserError
from cmploss.experiment import read_record
from cmploss.experiment.best_run import read_best
from cmploss.studies import Study, StudyConfig, compare, predict, run_study
from cmploss.studies.cost import estimate
from cmploss.studies.run import Interrupted
from cmploss.studies.study_words import headline, notes
from cmploss.tasks.base import Sample
from tests.local_model import reviews
from tests.studies.test_run import outcome

OBJECTIVES = ("supervised", "comparative")
PAGES = ("report.html", "report.md", "report.tex")
RUNS = [(name, seed) for seed in (0, 1) for name in OBJECTIVES]


@pytest.fixture(scope="module")
def study_in(task, config_of):
    def make(folder, **options):
        settings = {"objectives": ",".join(OBJECTIVES), "seeds": 2, **options}
        return Study(task, config_of("supervised"), StudyConfig(**settings), folder)

    return make


@pytest.fixture(scope="module")
def finished(study_in, tmp_path_factory):
    study = study_in(tmp_path_factory.mktemp("study") / "reviews")
    study.check()
    assert [(record.name, record.seed) for record in run_study(study)] == RUNS
    return study


@pytest.fixture
def copy(finished, study_in, tmp_path):
    """The finished study in a folder that a test may change."""
    shutil.copytree(finished.folder, tmp_path / "copy")
    return study_in(tmp_path / "copy")


def files(folder):
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_files_of_a_study(finished):
    found = {str(path.relative_to(finished.folder)) for path in finished.folder.rglob("*") if path.is_file()}
    runs = {f"{name}/seed-{seed}/{file}" for name, seed in RUNS for file in ("record.json", "settings.json")}
    best = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "README.md", "run.json"}
    texts = f"examples/{finished.task.data.fingerprints()['test']}.json"
    simple = {f"reference/{name}_seed-{seed}.json" for name in ("probe", "tfidf") for seed in (0, 1)}
    assert found == runs | simple | {f"best/{file}" for file in best} | {*PAGES, "study.json", "looks.json", texts}


@pytest.mark.parametrize("kept", [True, False])
def test_checkpoints_of_finished_runs_are_removed(task, config_of, tmp_path, kept):
    """Those with the optimizer state too, of which a study of many runs would fill a disk."""
    config = config_of("supervised", max_steps=4, save_strategy="steps", save_steps=2)
    study = Study(task, config, StudyConfig("supervised", seeds=2, keep_checkpoints=kept), tmp_path / "study")
    list(run_study(study))
    kinds = {path.name for path in study.folder.glob("supervised/seed-*/*") if path.is_dir()}
    assert kinds == ({"model"} if kept else set())
    assert not list(study.folder.rglob("optimizer.pt"))


def test_records_of_a_study(finished):
    records = finished.records()
    assert {record.benchmark.selection_split for record in records} == {"validation"}
    assert [(record.name, record.seed) for record in records] == RUNS
    assert [record.cost["passes_per_step"] for record in records] == [1, 2, 1, 2]
    assert len({json.dumps(record.settings["data"]) for record in records}) == 1
    assert len({json.dumps(record.predictions["test"]["probabilities"]) for record in records}) == 4
    for record in records:
        assert ("loss_drop1" in record.history[0]) == (record.name == "comparative")
        path = finished.folder / record.name / f"seed-{record.seed}"
        assert json.loads((path / "settings.json").read_text()) == record.settings
    table = finished.table()
    assert [(row.objective, row.n, row.passes) for row in table.rows] == [("supervised", 2, 1), ("comparative", 2, 2)]
    for row in table.rows:
        scores = [record.score("test", "accuracy") for record in records if record.name == row.objective]
        assert row.mean == pytest.approx(sum(scores) / 2)


def test_best_is_a_run_of_the_best_row_and_its_checkpoint(finished):
    best = read_best(finished.folder)
    means = {}
    for name in ("supervised", "comparative"):
        scores = [record.score("validation", "accuracy") for record in finished.records() if record.name == name]
        means[name] = sum(scores) / len(scores)
    assert means[best["objective"]] == max(means.values()) == best["row_mean"]
    assert best["run"] == f"{best['objective']}/seed-{best['seed']}"
    assert (best["examples"], best["row_runs"], best["eval_split"]) == (6, 2, "test")
    folder = finished.folder / "best"
    model, tokenizer = AutoModelForSequenceClassification.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    found = predict(model, tokenizer, finished.task.split("test")).probabilities
    for record in finished.records():
        same = np.allclose(found, record.predictions["test"]["probabilities"], atol=2e-5)
        assert same == ((record.name, record.seed) == (best["objective"], best["seed"]))
    card = (folder / "README.md").read_text()
    assert f"objective `{best['objective']}`" in card
    assert f"| seed | {best['seed']} |" in card


def test_a_row_keeps_one_checkpoint_until_the_end(study_in, tmp_path, monkeypatch):
    scores = iter([50.0, 70.0, 70.0, 60.0])  # supervised 0, comparative 0, supervised 1, comparative 1
    monkeypatch.setattr("cmploss.tasks.text.text_task.score", lambda *_: {"accuracy": current, "f1_macro": 0.0})
    study = study_in(tmp_path / "study")
    runs = run_study(study)
    held = []
    for current in scores:  # noqa: B007 - read by the patched measure
        next(runs)
        held.append(sorted(str(path.parent.relative_to(study.folder)) for path in study.folder.rglob("model")))
    assert held[1] == ["comparative/seed-0", "supervised/seed-0"]
    assert held[2] == ["comparative/seed-0", "supervised/seed-1"]
    assert list(runs) == []
    best = read_best(study.folder)  # means 60 and 65
    assert (best["run"], best["score"], best["row_mean"], best["lead"]) == ("comparative/seed-0", 70.0, 65.0, 5.0)
    assert not list(study.folder.rglob("model"))
    assert "objective `comparative`" in (study.folder / "best" / "README.md").read_text()


def test_best_is_a_pipeline_with_the_label_names(finished):
    classify = pipeline("text-classification", model=str(finished.folder / "best"), device="cpu")
    rows = reviews(40, seed=9)
    said = [found["label"] for found in classify([row["text"] for row in rows])]
    assert sum(label == row["label"] for label, row in zip(said, rows, strict=True)) >= 30


def test_best_loads_where_cmploss_cannot_be_imported(finished):
    program = f"""
import sys
sys.modules["cmploss"] = None  # importing it raises ImportError
from transformers import pipeline
classify = pipeline("text-classification", model={str(finished.folder / "best")!r}, device="cpu")
print([found["label"] for found in classify(["lovely and bright", "the door is dead"])])
try:
    import cmploss
except ImportError:
    print("no cmploss")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["['good', 'bad']", "no cmploss"]


def test_report(finished):
    report = (finished.folder / "report.md").read_text()
    for row in finished.table().rows:
        assert row.objective in report
        assert f"{row.mean:.1f}" in report


def test_running_again_runs_nothing(finished, study_in):
    before, table = files(finished.folder), finished.table()
    again = study_in(finished.folder)
    again.check()
    assert list(run_study(again, lambda passes: pytest.fail("a step was run"))) == []
    after = files(finished.folder)
    reports = [(before.pop(name), after.pop(name)) for name in PAGES]
    assert after == before
    assert all(first[1] == second[1] for first, second in reports)
    assert repr(again.table()) == repr(table)  # nan is not equal to itself


def test_a_run_whose_record_is_deleted_is_run_again_to_the_same_record(copy):
    before = files(copy.folder)
    path = copy.folder / "comparative" / "seed-1" / "record.json"
    old = read_record(path)
    path.unlink()
    copy.check()
    assert [(record.name, record.seed) for record in run_study(copy)] == [("comparative", 1)]
    assert outcome(read_record(path)) == outcome(old)
    after = files(copy.folder)
    for name, content in before.items():
        if name.startswith("supervised") or name.startswith("comparative/seed-0"):
            assert after[name] == content


@pytest.mark.parametrize("passes", [5, 14])  # in the first run, of 12 steps with one pass; in the second, with two
def test_an_interrupted_study_continues(finished, study_in, tmp_path, passes):
    study = study_in(tmp_path / "study")
    seen = []

    def advance(count):
        seen.append(count)
        if sum(seen) >= passes > sum(seen[:-1]):  # once: a second Ctrl-C would not save
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted):
        list(run_study(study, advance))
    done = sum(run.finished for run in study.runs)
    assert done == (passes > 12)
    stopped = study.runs[done]
    assert len(list(stopped.folder.glob("checkpoint-*"))) == 1
    steps = []
    again = study_in(tmp_path / "study")
    again.check()
    assert len(list(run_study(again, steps.append))) == 4 - done
    assert sum(steps) == 12 * (1 + 2 + 1 + 2) - 12 * done  # what the checkpoint holds is counted, once
    for found, expected in zip(again.records(), finished.records(), strict=True):
        # Of the curves one point differs: the log after the interruption averages over the resumed steps alone.
        assert outcome(replace(found, history=[])) == outcome(replace(expected, history=[]))
        assert [point["step"] for point in found.history] == [4, 8, 12]
        assert found.history[-1] == expected.history[-1]
    assert again.table().rows[0].mean == finished.table().rows[0].mean
    names = set(files(again.folder))
    assert names == set(files(finished.folder))


def test_a_study_can_grow(finished, copy, study_in):
    grown = study_in(copy.folder, objectives="supervised,comparative,no_dropout")
    grown.check()
    assert [(record.name, record.seed) for record in run_study(grown)] == [("no_dropout", 0), ("no_dropout", 1)]
    assert [row.objective for row in grown.table().rows] == ["supervised", "comparative", "no_dropout"]


def test_estimate_counts_what_remains_and_writes_nothing(copy, study_in, tmp_path):
    (copy.folder / "comparative" / "seed-1" / "record.json").unlink()
    before = files(copy.folder)
    found = {row.objective: row for row in estimate(copy)}
    assert {name: (row.runs, row.passes) for name, row in found.items()} == {
        "supervised": (0, 1),
        "comparative": (1, 2),
    }
    row = found["comparative"]
    assert row.minutes == pytest.approx(12 * row.seconds_per_step / 60)
    assert found["supervised"].minutes == 0
    assert 0 < row.seconds_per_step < 10
    assert files(copy.folder) == before
    fresh = study_in(tmp_path / "fresh")
    assert [row.runs for row in estimate(fresh)] == [2, 2]
    assert not (tmp_path / "fresh").exists()


def test_few_shot_samples_belong_to_the_seed(study_in, tmp_path):
    study = study_in(tmp_path / "study", few_shot="10")
    first, second = (study.task.train(Sample(10, seed))["input_ids"] for seed in (0, 1))
    assert len(first) == len(second) == 10
    assert list(first) != list(second)
    assert [condition.train_size for condition in study.conditions] == [10]
    assert {run.config.few_shot for run in study.runs} == {10}


def test_a_run_uses_one_of_several_gpus(study_in, tmp_path, monkeypatch):
    setup = TrainingArguments.__post_init__

    def with_two(self):
        setup(self)
        self._n_gpu = 2

    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setattr(TrainingArguments, "__post_init__", with_two)
    assert TrainingArguments(str(tmp_path), use_cpu=True).n_gpu == 2  # control
    study = study_in(tmp_path / "study", seeds=1)
    study.check()
    assert len(list(run_study(study))) == len(study.objectives)
    assert notes(study)[-1].startswith("the test split")  # a study that was told to use the CPU
    study.base.training.pop("use_cpu")
    assert notes(study)[-1] == "a run uses one GPU, and 2 are visible; --jobs 2 uses all."


def test_headline(finished):
    parameters = sum(
        p.numel() for p in AutoModelForSequenceClassification.from_pretrained(finished.folder / "best").parameters()
    )
    assert headline(finished) == (
        f"data · 2 classes · 42 training examples · encoder ({parameters / 1e6:.1f} M) · 12 steps · 4 runs"
    )


OPTIONS = {"objectives": ["supervised", "comparative"], "seeds": 1, "max_steps": 4, "max_length": 16, "use_cpu": True}


@pytest.mark.parametrize("form", [list, pd.DataFrame])
def test_compare_from_python(encoder, tmp_path, form):
    study = compare(form(reviews(40)), model=encoder, output_dir=str(tmp_path / "study"), **OPTIONS)
    assert study.folder == tmp_path / "study"
    assert [(record.name, record.cost["steps"]) for record in study.records()] == [
        ("supervised", 4),
        ("comparative", 4),
    ]
    assert [row.objective for row in study.table().rows] == ["supervised", "comparative"]
    assert (study.folder / "best" / "config.json").is_file()
    assert (study.folder / "report.md").is_file()


def test_compare_takes_all_three_parts_and_a_named_column(encoder, tmp_path):
    train, validation, test = (
        [{"body": row["text"], "mood": row["label"]} for row in reviews(size, seed=seed)]
        for size, seed in ((20, 0), (6, 1), (8, 2))
    )
    study = compare(
        train,
        validation,
        test,
        text_column="body",
        label_column="mood",
        model=encoder,
        output_dir=str(tmp_path / "study"),
        **OPTIONS,
    )
    assert (len(study.task.data.train), len(study.task.data.validation), len(study.task.data.test)) == (20, 6, 8)
    assert study.records()[0].benchmark.eval_split == "test"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"objectivs": "supervised"}, r"unknown option --objectivs; did you mean --objectives\?"),
        ({"seeds": 0}, "--seeds must be >= 1, got 0"),
        ({"seed": 1}, "--seeds N"),
        ({"few_shot": 1}, "--few_shot 1 is out of range"),
        ({"target": "last"}, "--target must be one of ultra, first, best, got 'last'"),
        ({"text_column": "body"}, "train: has no column 'body'"),
    ],
)
def test_compare_refuses_before_it_writes(encoder, tmp_path, options, message):
    with pytest.raises(UserError, match=message):
        compare(reviews(20), model=encoder, output_dir=str(tmp_path / "study"), **{**OPTIONS, **options})
    assert not (tmp_path / "study").exists()


def test_compare_without_training_data():
    with pytest.raises(UserError, match="validation and test go with train"):
        compare(validation=reviews(4))
