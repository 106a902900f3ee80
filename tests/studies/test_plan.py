"""A grid end to end: its conditions, folders, records, tables, curves, and runs that fail."""

import csv
import json
import shutil

import pytest

from cmploss.errors import UserError
from cmploss.experiment import Condition, Noise, read_record
from cmploss.experiment.best_run import read_best
from cmploss.studies import Study, StudyConfig, run_job as job_module, run_study, study as study_module
from cmploss.studies.cost import estimate
from cmploss.tasks.base import Sample
from cmploss.tasks.text import few_shot, task_data
from cmploss.tasks.text.noise.add_noise import add_noise
from cmploss.tasks.text.text_task import TextTask
from tests.local_model import reviews
from tests.tasks.text.noise.translators import ENGLISH, save_translator

OBJECTIVES = ("supervised", "comparative(n_drop=1)")
CONDITIONS = [
    Condition(size, noise, steps) for size in (8, 20) for noise in (Noise(), Noise("label", 0.25)) for steps in (2, 4)
]


@pytest.fixture(scope="module")
def grid_in(task, config_of):
    def make(folder, **options):
        settings = {"objectives": ",".join(OBJECTIVES), "seeds": 2, "few_shot": "20,8", "noise": "none, label:0.25"}
        base = config_of("supervised", max_steps=-1)
        base.training.pop("max_steps")
        config = StudyConfig(**{**settings, "steps": "4,2", **options})
        return Study(task, base, config, folder)

    return make


@pytest.fixture(scope="module")
def finished(grid_in, tmp_path_factory):
    study = grid_in(tmp_path_factory.mktemp("grid") / "reviews", write_noisy=True)
    study.check()
    assert len(list(run_study(study))) == 8 * 2 * 2
    return study


def test_conditions_and_folders(finished):
    assert list(finished.conditions) == CONDITIONS
    names = {path.name for path in finished.folder.iterdir() if path.is_dir()}
    assert names == {"best", "examples", "reference"} | {
        f"few_shot-{size}{noise}_steps-{steps}"
        for size in (8, 20)
        for noise in ("", "_noise-label-0.25")
        for steps in (2, 4)
    }
    for run in finished.runs:
        assert run.folder.parent.name in ("supervised", "comparative-n_drop=1")
        record = read_record(run.folder / "record.json")
        assert record.condition == run.condition
        assert record.cost["steps"] == run.condition.steps
        assert record.data["splits"]["train"]["examples"] == run.condition.train_size


def test_all_conditions_of_a_seed_come_before_the_next_seed(finished):
    seeds = [run.config.seed for run in finished.runs]
    assert seeds == [0] * 16 + [1] * 16
    assert [run.condition for run in finished.runs[:16:2]] == CONDITIONS


def test_noise_is_in_the_training_examples_alone(finished, task):
    for seed in (0, 1):
        clean, noisy = task.sampled(Sample(8, seed, Noise.parse("label:0.25")))
        assert clean["text"][:] == few_shot(task.data.train, 8, seed)["text"][:]
        expected = add_noise(clean, Noise.parse("label:0.25"), seed=seed, label_names=("bad", "good"))["label"][:]
        assert noisy["label"][:] == expected
        assert sum(a != b for a, b in zip(clean["label"][:], expected, strict=True)) == 2  # a quarter of 8
        assert task.train(Sample(8, seed, Noise.parse("label:0.25")))["labels"][:] == expected
    runs = [run for run in finished.runs if run.condition == Condition(8, Noise("label", 0.25), 2)]
    record = read_record(runs[0].folder / "record.json")
    assert "The noise label:0.25 (seed 0) changed 0 of 8 values of text and 2 of 8 labels." in record.data["notes"]
    assert record.predictions["test"]["labels"] == list(task.data.test["label"])


def test_noisy_examples_are_written(finished):
    folder = finished.folder / "few_shot-8_noise-label-0.25_steps-2" / "noisy"
    assert sorted(path.name for path in folder.iterdir()) == ["seed-0.csv", "seed-1.csv"]
    with (folder / "seed-1.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert sum(row["label"] != row["label_noisy"] for row in rows) == 2
    assert not (finished.folder / "few_shot-8_steps-2" / "noisy").exists()


def test_every_cell_has_a_table_of_its_own(finished):
    for condition in CONDITIONS:
        table = finished.table(condition)
        assert [(row.objective, row.n) for row in table.rows] == [(name, 2) for name in OBJECTIVES]
    with pytest.raises(UserError, match=r"has 8 conditions with a table each; give one of study\.conditions"):
        finished.table()


def test_the_report_of_the_grid(finished):
    page = (finished.folder / "report.md").read_text()
    for condition in CONDITIONS:
        assert f"## {condition.title}\n" in page  # all three differ
    assert page.count("\n## By ") == 3 * 4  # along each of three axes, for both values of the two others
    assert (finished.folder / "report.tex").read_text().count(r"\toprule") == len(CONDITIONS)


def test_best_is_the_best_of_all_conditions(finished):
    rows = {}
    for run in finished.runs:
        score = read_record(run.folder / "record.json").score("validation", "accuracy")
        rows.setdefault((run.condition, run.config.objective), []).append(score)
    means = {row: sum(scores) / len(scores) for row, scores in rows.items()}
    best = read_best(finished.folder)
    (chosen,) = (run for run in finished.runs if run.folder == finished.folder / best["run"])
    row = chosen.condition, chosen.config.objective
    assert means[row] == pytest.approx(max(means.values()))
    assert best["score"] == max(rows[row])
    assert not list(finished.folder.rglob("model"))  # of no run


def test_a_grid_can_grow_and_runs_only_what_is_new(finished, grid_in, tmp_path):
    shutil.copytree(finished.folder, tmp_path / "copy")
    grown = grid_in(tmp_path / "copy", noise="none,label:0.25,typo:0.5")
    grown.check()
    assert {record.condition.noise for record in run_study(grown)} == {Noise("typo", 0.5)}
    assert len(grown.records()) == 12 * 2 * 2


def test_a_folder_of_one_comparison_is_no_grid(finished, grid_in, tmp_path):
    single = grid_in(finished.folder, few_shot="8", noise="none", steps="2")
    with pytest.raises(UserError, match="is not empty and holds no such study"):
        single.check()


def test_a_grid_is_no_folder_of_one_comparison(grid_in, tmp_path):
    (tmp_path / "supervised" / "search" / "trial-0").mkdir(parents=True)
    (tmp_path / "supervised" / "search" / "trial-0" / "settings.json").write_text("{}")
    (tmp_path / "study.json").write_text(json.dumps({"grid": False}))
    grid_in(tmp_path, few_shot="8", noise="none", steps="2").check()
    with pytest.raises(UserError, match="is not empty and holds no such study"):
        grid_in(tmp_path).check()


@pytest.mark.parametrize("file", ["study.json", "notes/a/b/settings.json"])
def test_a_folder_of_something_else_is_refused(grid_in, tmp_path, file):
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("[")
    with pytest.raises(UserError, match="is not empty and holds no such study"):
        grid_in(tmp_path).check()


def test_a_study_without_a_file_of_its_own_is_one(finished, grid_in, tmp_path):
    shutil.copytree(finished.folder, tmp_path / "copy")
    (tmp_path / "copy" / "study.json").unlink()
    again = grid_in(tmp_path / "copy")
    again.check()
    assert list(run_study(again)) == []
    assert (tmp_path / "copy" / "study.json").is_file()


def test_a_grid_that_is_stopped_while_noise_is_written_continues(grid_in, tmp_path, monkeypatch):
    def stop(*args, **options):
        (tmp_path / "study" / "few_shot-8_noise-label-0.25_steps-2" / "noisy").mkdir(parents=True)
        raise KeyboardInterrupt

    study = grid_in(tmp_path / "study", write_noisy=True, seeds=1, few_shot="8", noise="label:0.25")
    monkeypatch.setattr(study_module, "write_noisy_files", stop)
    with pytest.raises(KeyboardInterrupt):
        list(run_study(study))
    study.check()


def test_estimate_counts_the_steps_of_every_condition(grid_in, tmp_path):
    for row in estimate(grid_in(tmp_path / "grid")):
        assert row.runs == 8 * 2
        assert row.minutes == pytest.approx(
            4 * 2 * (2 + 4) * row.seconds_per_step / 60
        )  # four of each length, two seeds


def test_an_estimate_translates_nothing(grid_in, tmp_path):
    models = [save_translator(tmp_path / name, ENGLISH) for name in ("to", "back")]
    options = {"back_translation_models": ",".join(models), "few_shot": "8", "steps": "2"}
    study = grid_in(tmp_path / "runs" / "grid", noise="none,back_translation:0.7", **options)
    study.check()
    assert [row.runs for row in estimate(study)] == [4, 4]
    assert not (tmp_path / "runs").exists()
    noisy = study.runs[-1]
    assert noisy.condition.noise == Noise("back_translation", 0.7)  # the condition that is timed
    study.task.train(noisy.config.sample)
    assert list((tmp_path / "runs" / "back_translation").iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": "0"}, "--steps must be whole numbers >= 1"),
        ({"noise": "label:0.2,label:0.20"}, "--noise label:0.2,label:0.20 has the same noise twice"),
        ({"noise": "label:2"}, "--noise label: the rate must be in"),
        ({"few_shot": "8,9999"}, "--few_shot 9999 is out of range"),
        ({"jobs": 0}, "--jobs must be >= 1, got 0"),
        (
            {"write_noisy": True, "noise": "none"},
            "--write_noisy writes noisy examples, and there is no noise; give --noise, as in --noise label:0.1, or",
        ),
    ],
)
def test_options_that_are_refused(grid_in, tmp_path, options, message):
    with pytest.raises(UserError, match=message):
        grid_in(tmp_path, **options)


def test_epochs_of_several_sizes_are_refused(task, config_of, tmp_path):
    base = config_of("supervised", max_steps=-1, num_train_epochs=2)
    with pytest.raises(UserError, match=r"--few_shot 20,8: epochs of several sizes differ in length; .* --steps 100"):
        Study(task, base, StudyConfig(few_shot="20,8"), tmp_path)


@pytest.mark.parametrize("option", ["max_steps", "num_train_epochs"])
def test_steps_take_the_place_of_other_lengths(task, config_of, tmp_path, option):
    base = config_of("supervised", max_steps=-1)
    base.training.pop("max_steps")
    base.training[option] = 3
    with pytest.raises(UserError, match=rf"--steps and --{option} exclude each other"):
        Study(task, base, StudyConfig(steps="4"), tmp_path)


class TestFailures:
    @pytest.fixture
    def study(self, grid_in, tmp_path):
        return grid_in(tmp_path / "study", few_shot="8", noise="none", steps="2")

    @pytest.fixture
    def broken(self, monkeypatch):
        run_one = job_module.run_one

        def run(config, *args, **options):
            if (config.objective, config.seed) == ("supervised", 1):
                raise RuntimeError("the *disk*\nis full")
            return run_one(config, *args, **options)

        monkeypatch.setattr(job_module, "run_one", run)
        return lambda: monkeypatch.setattr(job_module, "run_one", run_one)

    def test_a_failed_run_is_recorded_and_loses_nothing_else(self, study, broken):
        found = []
        records = list(run_study(study, failed=lambda run, error: found.append((run.config.seed, error))))
        assert found == [(1, "RuntimeError: the *disk* is full")]
        assert [(record.name, record.seed) for record in records] == [
            ("supervised", 0),
            (OBJECTIVES[1], 0),
            (OBJECTIVES[1], 1),
        ]
        written = json.loads((study.folder / "supervised" / "seed-1" / "failed.json").read_text())
        assert written["error"] == "RuntimeError: the *disk* is full"
        assert any("in run" in line for line in written["traceback"])
        assert study.failures() == {"supervised/seed-1": "RuntimeError: the *disk* is full"}
        assert [row.n for row in study.table().rows] == [1, 2]
        page = (study.folder / "report.md").read_text()
        assert "## Failed runs\n\n- supervised/seed-1: RuntimeError: the \\*disk\\* is full" in page

    def test_the_same_command_tries_again(self, study, broken):
        list(run_study(study))
        broken()
        study.check()
        assert [(record.name, record.seed) for record in run_study(study)] == [("supervised", 1)]
        assert study.failures() == {}
        assert not list(study.folder.rglob("failed.json"))
        assert "Failed" not in (study.folder / "report.md").read_text()

    def test_where_every_run_fails_there_is_no_report(self, study, monkeypatch):
        monkeypatch.setattr(job_module, "run_one", lambda *args, **options: 1 / 0)
        assert list(run_study(study)) == []
        assert len(study.failures()) == 4
        assert not (study.folder / "report.md").exists()


def test_a_balanced_test_part(grid_in, tmp_path):
    study = grid_in(tmp_path, balanced_test=4)
    assert sorted(study.task.data.test["label"]) == [0, 0, 1, 1]
    assert any("4 of 12 test examples were drawn" in note for note in study.task.data.notes)


def test_regression_has_no_embeddings(config_of, encoder, tmp_path):
    rows = [{"text": row["text"], "score": 0.5} for row in reviews(60)]
    scored = TextTask(task_data(rows, kind="regression"), encoder, 16)
    with pytest.raises(UserError, match="--embeddings needs classes, and data has none"):
        Study(scored, config_of("supervised"), StudyConfig(embeddings=True), tmp_path)
