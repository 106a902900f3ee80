"""The same number of trials for every objective, on a seed held apart, chosen by validation."""

import json
import re
import shutil
from contextlib import suppress
from dataclasses import replace

import pytest

from cmploss.errors import NotFiniteError, UserError
from cmploss.experiment.condition import Condition
from cmploss.experiment.spec import ObjectiveSpec, parse_objectives
from cmploss.studies import Study, StudyConfig, hyper_search as search_module, run_job as job_module, run_study
from cmploss.studies.cost import estimate
from cmploss.studies.hyper_search import LEARNING_RATES, SEARCH_SEED, SearchJob, searched
from cmploss.studies.plan import PlannedRun
from cmploss.studies.run import Interrupted
from cmploss.studies.run_tasks import RunTasks

TRIALS = 3


@pytest.fixture(scope="module")
def study_in(task, config_of):
    def make(folder, trials=TRIALS, settings=None, **options):
        base = config_of("supervised", max_steps=4)
        del base.training["learning_rate"]
        config = StudyConfig(**{"objectives": "supervised,rdrop", "seeds": 2, "search_trials": trials, **options})
        specs = parse_objectives(config.objectives, settings)
        return Study(task, base, config, folder, specs)

    return make


@pytest.fixture(scope="module")
def finished(study_in, tmp_path_factory):
    study = study_in(tmp_path_factory.mktemp("search") / "study")
    study.check()
    assert len(list(run_study(study))) == 4
    return study


def trials_of(study, objective):
    return json.loads((study.folder / objective / "search.json").read_text())


def test_every_objective_has_the_same_number_of_trials_in_its_own_space(finished):
    low, high = LEARNING_RATES
    for objective, own in (("supervised", set()), ("rdrop", {"alpha"})):
        found = trials_of(finished, objective)
        assert found["settings"]["seed"] == SEARCH_SEED
        assert len(found["trials"]) == TRIALS
        for trial in found["trials"]:
            assert trial["settings"].keys() == {"learning_rate"} | own
            assert low <= trial["settings"]["learning_rate"] <= high
            assert 0 <= trial["score"] <= 100
    assert len({trial["settings"]["learning_rate"] for trial in found["trials"]}) == TRIALS
    assert {trial["settings"]["alpha"] for trial in found["trials"]} <= {0.5, 1.0, 2.0, 5.0}


def test_runs_have_the_settings_of_the_best_trial_and_say_so(finished):
    for record in finished.records():
        trials = trials_of(finished, record.name)["trials"]
        best = max(trials, key=lambda trial: trial["score"])["settings"]
        assert record.settings["training"]["learning_rate"] == best["learning_rate"]
        if record.name == "rdrop":
            assert record.settings["objective"]["settings"]["alpha"] == best["alpha"]
            assert record.settings["search"]["alpha"] == [0.5, 1.0, 2.0, 5.0]
        assert record.settings["search"]["trials"] == TRIALS
        assert record.settings["search"]["seed"] == SEARCH_SEED
        assert record.settings["search"]["by"] == "validation"


def test_nothing_but_the_trials_is_left(finished):
    assert {path.name for path in (finished.folder / "rdrop").rglob("*") if path.is_file()} == {
        "search.json",
        "record.json",
        "settings.json",
    }


def test_a_finished_search_is_not_done_again(finished, study_in):
    again = study_in(finished.folder)
    again.check()
    assert list(run_study(again, lambda passes: pytest.fail("a step was run"))) == []
    assert [row.runs for row in estimate(again)] == [0, 0]


def test_an_interrupted_search_continues_to_the_same_trials(finished, study_in, tmp_path, monkeypatch):
    study = study_in(tmp_path / "study")
    assert [row.runs for row in estimate(study)] == [TRIALS + 2, TRIALS + 2]
    run_one, done = search_module.run_one, []

    def run(*args, **options):
        if len(done) == 2:
            raise Interrupted
        done.append(1)
        return run_one(*args, **options)

    monkeypatch.setattr(search_module, "run_one", run)
    with pytest.raises(Interrupted):
        list(run_study(study))
    assert len(trials_of(study, "supervised")["trials"]) == 2
    monkeypatch.setattr(search_module, "run_one", run_one)
    study.check()
    list(run_study(study))
    for objective in ("supervised", "rdrop"):
        assert trials_of(study, objective) == trials_of(finished, objective)


@pytest.mark.parametrize("trials", [0, TRIALS - 1, TRIALS + 1])
def test_another_number_of_trials_is_refused_where_runs_have_begun(finished, study_in, trials):
    message = rf"--search_trials {trials}: .*/supervised/seed-0 has the settings of a search with {TRIALS} trials; give"
    with pytest.raises(UserError, match=f"{message} --search_trials {TRIALS}, or choose another --output_dir"):
        study_in(finished.folder, trials, seeds=3).check()
    study_in(finished.folder, seeds=3).check()


def test_a_search_is_refused_where_runs_were_not_searched(study_in, tmp_path):
    assert len(list(run_study(study_in(tmp_path, 0, seeds=1)))) == 2
    with pytest.raises(UserError, match=r"--search_trials 3: .*/supervised/seed-0 .* with 0 trials; give"):
        study_in(tmp_path).check()


def test_runs_whose_trials_are_gone_are_no_reason_to_search_again(finished, study_in, tmp_path):
    shutil.copytree(finished.folder, tmp_path / "copy")
    (tmp_path / "copy" / "rdrop" / "search.json").unlink()
    with pytest.raises(UserError, match=r"rdrop/search\.json lacks the 3 trials that .*/rdrop/seed-0 has its settings"):
        study_in(tmp_path / "copy").check()


def stop_at_the_first(place, study, monkeypatch):
    """Ctrl-C before the first trial or run."""

    def stop(*args, **options):
        raise Interrupted

    with monkeypatch.context() as patch:
        patch.setattr(place, "run_one", stop)
        with pytest.raises(Interrupted):
            list(run_study(study))


def test_more_trials_before_any_run_are_added(finished, study_in, tmp_path, monkeypatch):
    options = {"seeds": 1, "objectives": "supervised"}
    stop_at_the_first(job_module, study_in(tmp_path, **options), monkeypatch)
    grown = study_in(tmp_path, TRIALS + 1, **options)
    grown.check()
    (record,) = run_study(grown)
    assert record.settings["search"]["trials"] == TRIALS + 1
    found = trials_of(grown, "supervised")["trials"]
    assert found[:TRIALS] == trials_of(finished, "supervised")["trials"]
    assert len(found) == TRIALS + 1


def test_trials_of_other_settings_are_no_trials(study_in, tmp_path, monkeypatch):
    options = {"seeds": 1, "objectives": "comparative"}
    stop_at_the_first(job_module, study_in(tmp_path, 1, **options), monkeypatch)
    study_in(tmp_path, 1, **options).check()
    with pytest.raises(
        UserError, match=r"search\.json holds .* its objective\.settings\.target is .*; remove .*/comparative"
    ):
        study_in(tmp_path, 1, settings={"target": "first"}, **options).check()


def test_a_trial_that_was_stopped_is_not_continued_with_other_settings(study_in, tmp_path, monkeypatch):
    options = {"seeds": 1, "objectives": "comparative"}
    stop_at_the_first(search_module, study_in(tmp_path, 1, **options), monkeypatch)
    with pytest.raises(UserError, match=r"search\.json holds the trials of another search"):
        study_in(tmp_path, 1, settings={"target": "first"}, **options).check()


def test_a_trial_that_fails_has_no_score_and_is_not_chosen(study_in, tmp_path, monkeypatch):
    study = study_in(tmp_path / "study", seeds=1, objectives="supervised")
    run_one, done = search_module.run_one, []

    def run(config, *args, **options):
        done.append(config.seed)
        if len(done) != 2:
            raise NotFiniteError("no luck")
        return run_one(config, *args, **options)

    monkeypatch.setattr(search_module, "run_one", run)
    (record,) = run_study(study)
    assert done == [SEARCH_SEED] * TRIALS
    trials = trials_of(study, "supervised")["trials"]
    assert [trial["score"] is None for trial in trials] == [True, False, True]
    assert trials[0]["error"] == "no luck"
    assert record.settings["training"]["learning_rate"] == trials[1]["settings"]["learning_rate"]


def test_where_every_trial_fails_the_objective_is_left_out_and_tried_again(study_in, tmp_path, monkeypatch):
    study = study_in(tmp_path / "study")
    run_one = search_module.run_one

    def run(config, *args, **options):
        if config.objective == "rdrop":
            raise NotFiniteError("no luck")
        return run_one(config, *args, **options)

    monkeypatch.setattr(search_module, "run_one", run)
    failed = []
    records = list(run_study(study, failed=lambda run, error: failed.append((run.config.objective, error))))
    assert [record.name for record in records] == ["supervised", "supervised"]
    error = "no trial has a score; the last one: no luck"
    assert failed == [("rdrop", f"search: {error}")]
    assert study.failures() == {"rdrop/search": error}
    assert f"## Failed runs\n\n- rdrop/search: {error}" in (study.folder / "report.md").read_text()
    written = json.loads((study.folder / "rdrop" / "search" / "failed.json").read_text())
    assert any('raise NotFiniteError("no luck")' in line for line in written["traceback"])  # of the trial
    monkeypatch.setattr(search_module, "run_one", run_one)
    study.check()
    assert [record.name for record in run_study(study)] == ["rdrop", "rdrop"]
    assert study.failures() == {}
    assert "Failed" not in (study.folder / "report.md").read_text()
    assert not list(study.folder.rglob("failed.json"))


@pytest.mark.parametrize("error", [RuntimeError, Interrupted])
def test_a_search_that_got_nowhere_is_tried_again(study_in, tmp_path, monkeypatch, error):
    def run(*args, **options):
        raise error

    study = study_in(tmp_path / "study", seeds=1, objectives="supervised", few_shot="8,10")
    with monkeypatch.context() as patch, suppress(Interrupted):
        patch.setattr(search_module, "run_one", run)
        assert list(run_study(study)) == []
    study.check()
    assert len(list(run_study(study))) == 2


def test_the_first_of_equal_trials_is_chosen(study_in, finished, tmp_path):
    shutil.copytree(finished.folder, tmp_path / "copy")
    run = study_in(tmp_path / "copy").runs[0]
    assert isinstance(run, PlannedRun)
    rates = [1e-4, 2e-4, 3e-4]
    trials = [{"settings": {"learning_rate": rate}, "score": 50.0} for rate in rates]
    (run.folder.parent / "search.json").write_text(json.dumps({"seed": SEARCH_SEED, "settings": {}, "trials": trials}))
    assert searched(run, TRIALS).config.training["learning_rate"] == 1e-4
    assert searched(run, TRIALS + 1) is None


@pytest.mark.parametrize(
    ("objective", "own"),
    [
        ("supervised", set()),
        ("comparative+scl", {"n_drop", "contrastive_weight", "contrastive_temperature"}),
        ("comparative(n_drop=2)+scl", {"contrastive_weight", "contrastive_temperature"}),
    ],
)
def test_the_space_of_an_objective(objective, own):
    assert ObjectiveSpec.parse(objective).search_space.keys() == own


@pytest.mark.parametrize("objective", ["comparative", "equal_compute", "comparative(n_crop=2)+scl"])
def test_an_objective_that_drops_nothing_is_not_made_to(objective):
    both, crops = (ObjectiveSpec.parse(objective, {"n_drop": n_drop, "n_crop": 1}).search_space for n_drop in (1, 0))
    assert both.keys() - crops.keys() == {"n_drop"}
    assert crops.keys() <= {"contrastive_weight", "contrastive_temperature"}


@pytest.mark.parametrize(
    ("objectives", "settings", "message"),
    [
        (
            "rdrop",
            {"alpha": 2.0},
            "finds alpha of rdrop; leave --alpha 2.0 out, or fix it for one objective by writing",
        ),
        ("no_dropout+scl", {"contrastive_weight": 0.5}, "finds contrastive_weight of no_dropout+scl; leave --contr"),
        ("supervised,equal_compute", {"n_drop": 2}, "finds n_drop of equal_compute; leave --n_drop 2 out"),
    ],
)
def test_settings_that_are_given_are_not_searched_over(study_in, tmp_path, objectives, settings, message):
    options = {"objectives": objectives, "settings": settings}
    with pytest.raises(UserError, match=re.escape(f"--search_trials {message}")):
        study_in(tmp_path, **options)
    study_in(tmp_path, trials=0, **options)


def test_settings_that_are_given_and_not_searched_are_kept(study_in, tmp_path):
    settings = {"alpha": 2.0, "n_drop": 0, "smoothing": 0.2}
    study = study_in(tmp_path, 1, settings=settings, seeds=1, objectives="rdrop(alpha=3),comparative(n_drop=2)")
    found = [record.settings["objective"]["settings"] for record in run_study(study)]
    assert (found[0]["alpha"], found[1]["n_drop"]) == (3.0, 2)


def test_what_is_refused(study_in, task, config_of, tmp_path):
    with pytest.raises(UserError, match="--search_trials must be >= 0, got -1"):
        study_in(tmp_path, trials=-1)
    with pytest.raises(UserError, match="--search_trials finds the learning rate; leave --learning_rate out"):
        Study(task, config_of(), StudyConfig(search_trials=2), tmp_path)


def test_without_optuna_it_says_how_to_install_it(study_in, tmp_path, monkeypatch):
    monkeypatch.setattr(search_module, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"needs optuna; install it with: pip install 'cmploss\[search\]'"):
        study_in(tmp_path)


def test_trials_are_not_scored_as_submodels(config_of, task, tmp_path, monkeypatch):
    run_one, seen = search_module.run_one, []

    def recorded(*args, **options):
        seen.append(run_one(*args, **options))
        return seen[-1]

    monkeypatch.setattr(search_module, "run_one", recorded)
    config = replace(config_of("supervised", max_steps=2), powers=(0, 1))
    run = PlannedRun(config, tmp_path / "supervised" / "seed-0", Condition(), 0)
    SearchJob(run, 1).do(RunTasks(task, config.model_config), lambda passes: None)
    assert {score.split for score in seen[0].record.scores} == {"validation", "test"}
    assert [score for score in seen[0].record.scores if score.at] == []


def test_only_numbers_that_are_not_finite_make_a_trial_without_a_score(study_in, tmp_path, monkeypatch, caplog):
    """A full disk would leave an objective with fewer trials than the others; the same command tries it again."""
    options = {"seeds": 1, "objectives": "supervised"}
    study, run_one, errors = study_in(tmp_path / "study", **options), search_module.run_one, []

    def run(*args, **options):
        errors.append(None)
        if len(errors) == 1:
            raise NotFiniteError("the loss is not finite")
        if len(errors) == 3:
            raise OSError("no space left on device")
        return run_one(*args, **options)

    monkeypatch.setattr(search_module, "run_one", run)
    told = []
    list(run_study(study, failed=lambda run, error: told.append(error)))
    assert told == ["search: OSError: no space left on device"]
    assert [trial["score"] is None for trial in trials_of(study, "supervised")["trials"]] == [True, False]
    again = study_in(tmp_path / "study", **options)
    assert len(list(run_study(again))) == 1
    assert [trial["score"] is None for trial in trials_of(again, "supervised")["trials"]] == [True, False, False]
    assert "supervised/search.json: 1 of 3 trials have no score" in caplog.text
