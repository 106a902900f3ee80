"""Studies over folds: every example is tested once per repeat, objectives of a fold are paired, runs continue."""

import json
from collections import Counter

import pytest

from cmploss.cli.main import main
from cmploss.errors import UserError
from cmploss.experiment import read_records
from cmploss.studies import Study, StudyConfig, compare
from cmploss.studies.cost import estimate
from cmploss.studies.study_words import notes
from tests.local_model import csv_of, reviews

OPTIONS = {"objectives": ["supervised", "comparative"], "max_steps": 2, "max_length": 16, "use_cpu": True}


@pytest.fixture(scope="module")
def study(encoder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("folds") / "study"
    return compare(reviews(40), model=encoder, output_dir=str(folder), folds="2x2", **OPTIONS)


def test_every_example_is_tested_once_per_repeat(study):
    tested = {0: Counter(), 1: Counter()}
    for run in study.runs:
        texts = study.tasks.of(run.config).data
        assert not set(texts.test["text"]) & set(texts.train["text"]) - duplicates()
        if run.config.objective == "supervised":
            tested[run.config.seed // 2].update(texts.test["text"][:])
    assert tested[0] == tested[1] == Counter(row["text"] for row in reviews(40))


def duplicates():
    return {text for text, count in Counter(row["text"] for row in reviews(40)).items() if count > 1}


def test_records_name_their_fold_and_its_splits(study):
    records = study.records()
    assert [(record.name, record.seed) for record in records] == [
        (name, fold) for fold in range(4) for name in ("supervised", "comparative")
    ]
    for record in records:
        assert [record.data[name] for name in ("fold", "folds", "repeats")] == [record.seed, 2, 2]
        assert {name: of["examples"] for name, of in record.data["splits"].items()} == {
            "train": 18,
            "validation": 2,
            "test": 20,
        }
        assert record.settings["data"] == {name: of["sha256"] for name, of in record.data["splits"].items()}
        assert (record.benchmark.unit, record.settings["folds"]) == ("fold", "2x2")
    assert len({json.dumps(record.settings["data"]) for record in records}) == 4
    assert (study.folder / "comparative" / "fold-3" / "record.json").is_file()


def test_the_table_has_the_corrected_test(study):
    scores = {row.objective: list(row.scores.values()) for row in study.table().rows}
    gaps = [a - b for a, b in zip(scores["comparative"], scores["supervised"], strict=True)]
    family = study.table().family
    assert family.test_to_train == pytest.approx(20 / 18)
    assert family.comparisons["comparative"].mean == pytest.approx(sum(gaps) / 4)
    page = (study.folder / "report.md").read_text()
    assert "differences over the folds that both objectives have" in page
    assert "Fold 3 of 4 (repeated 2 times, stratified by label): 18 training + 2 validation + 20 test" in page


def test_references_have_the_same_folds(study):
    rows = study.table().references
    assert {row.objective: sorted(row.scores) for row in rows} == {"probe": [0, 1, 2, 3], "tfidf": [0, 1, 2, 3]}
    assert len(set(rows[0].scores.values()) | set(rows[1].scores.values())) > 1


def test_an_interrupted_study_over_folds_continues(study, encoder):
    before = {(record.name, record.seed): record.scores for record in study.records()}
    (study.folder / "comparative" / "fold-2" / "record.json").unlink()
    options = {"model": encoder, "output_dir": str(study.folder), "folds": "2x2", **OPTIONS}
    again = compare(reviews(40), **options)
    assert {(record.name, record.seed): record.scores for record in again.records()} == before
    with pytest.raises(UserError, match="already holds another run: its data"):
        compare(reviews(44), **options)


def test_the_command_runs_folds(encoder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mood.csv").write_text(csv_of(reviews(40)))
    options = ["--model", encoder, "--objectives", "supervised", "--max_steps", "2", "--max_length", "16"]
    assert main(["compare", "--train_file", "mood.csv", "--folds", "3", "--use_cpu", *options]) == 0
    out, err = capsys.readouterr()
    assert "3 folds" in out
    assert "supervised fold 2: accuracy" in err
    assert len(read_records(tmp_path / "runs" / "mood")) == 3
    assert "supervised, fold" in out


def test_small_test_splits_propose_folds(task, config_of, tmp_path):
    note = "the test split has 12 examples; --folds 5 tests all 60."
    assert note in notes(Study(task, config_of("supervised"), StudyConfig(seeds=1), tmp_path))
    for options in ({"few_shot": "20"}, {"folds": "5"}):
        assert note not in notes(Study(task, config_of("supervised"), StudyConfig(seeds=1, **options), tmp_path))


def test_an_estimate_of_folds(task, config_of, tmp_path):
    found = estimate(Study(task, config_of("supervised"), StudyConfig("supervised", folds="5x2"), tmp_path))
    assert [row.runs for row in found] == [10]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"folds": "1"}, "--folds must be a number from 2"),
        ({"folds": 5, "seeds": 5}, "--folds and --seeds exclude each other"),
        ({"folds": 5, "few_shot": 20}, "--folds and --few_shot exclude each other"),
        ({"folds": 5, "balanced_test": 4}, "--folds and --balanced_test exclude each other"),
        ({"folds": 5, "search_trials": 2}, "--folds and --search_trials exclude each other"),
        (
            {"folds": 30},
            "--folds 30 needs 30 examples of each class; 'bad' has 20|--folds 30 needs 30 .* 'good' has 20",
        ),
    ],
)
def test_options_that_do_not_go_with_folds(encoder, tmp_path, options, message):
    with pytest.raises(UserError, match=message):
        compare(reviews(40), model=encoder, output_dir=str(tmp_path / "study"), **OPTIONS, **options)
    assert not (tmp_path / "study").exists()


def test_a_test_split_of_its_own_is_not_pooled(encoder, tmp_path):
    with pytest.raises(UserError, match="--folds makes its own splits, but data has a validation or test split"):
        compare(reviews(40), None, reviews(8), model=encoder, folds=2, output_dir=str(tmp_path / "study"), **OPTIONS)
