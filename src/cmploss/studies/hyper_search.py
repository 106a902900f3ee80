"""The same search budget for every objective: trials of its learning rate and its own weights, judged by validation."""

import json
import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cmploss.atomic import write_json
from cmploss.errors import UserError
from cmploss.experiment.run_dir import difference, settings_in
from cmploss.experiment.spec import ObjectiveSpec
from cmploss.studies.best import advance_passes
from cmploss.studies.jobs import Advance, Failed, attempt
from cmploss.studies.plan import PlannedRun
from cmploss.studies.run import CONTINUE, Interrupted, run_one
from cmploss.studies.run_config import RunConfig
from cmploss.tasks.base import LearningTask
from cmploss.tasks.splits import SELECTION_SPLIT
from cmploss.training.callbacks import StepProgress

SEARCH_FILE = "search.json"
SEARCH_SEED = 1000
"""Of the trials: held apart from the seeds that are reported."""

LEARNING_RATES = (1e-5, 5e-4)
"""Between these the learning rate of every objective is drawn, log-uniformly."""


@dataclass(frozen=True)
class SearchJob:
    """The trials of one objective in one cell, one after another; those of an earlier session are not run again.

    Attributes:
        run: A run of the objective in the cell.
        trials: Their number.
    """

    run: PlannedRun
    trials: int

    def do(self, task: LearningTask, advance: Advance) -> Failed | None:
        """Do it; every finished trial is written down at once. A trial that raises an exception has no score.

        Returns:
            None, or why the last trial has no score where none has.

        Raises:
            UserError: The file holds trials of another search.
            Interrupted: After Ctrl-C, once a checkpoint is written.
        """
        check_search_file(self.run, task)
        path, settings = search_file(self.run), _settings(self.run, task)
        path.parent.mkdir(parents=True, exist_ok=True)
        done = _trials(path)
        write_json(path, {"settings": settings, "trials": done})
        study, told = _new_study(), ""
        for number in range(self.trials):
            proposed = study.ask(_distributions(self.run.config))
            if number == len(done):
                folder = trials_folder(self.run) / f"trial-{number}"
                outcome = attempt(TrialJob(with_settings(self.run.config, proposed.params), folder), task, advance)
                failed = isinstance(outcome, Failed)
                score, error = (None, outcome.error) if failed else (outcome.score, None)
                told = outcome.traceback if failed else ""
                done.append({"settings": proposed.params, "score": score, **({"error": error} if error else {})})
                write_json(path, {"settings": settings, "trials": done})
                shutil.rmtree(folder, ignore_errors=True)
                if not failed and outcome.interrupted:
                    raise Interrupted(CONTINUE)
            trial = done[number]
            if trial["settings"] != proposed.params:
                raise UserError(f"{path} holds the trials of another search; remove {path.parent} to search anew")
            _tell(study, proposed, trial["score"])
        if all(trial["score"] is None for trial in done):
            path.unlink()  # so that the same command tries again
            return Failed(f"no trial has a score; the last one: {done[-1].get('error', 'it is undefined')}", told)
        return None


@dataclass(frozen=True)
class TrialScore:
    """What a trial reached on the selection part, None where that is undefined."""

    score: float | None
    interrupted: bool


@dataclass(frozen=True)
class TrialJob:
    """One trial."""

    config: RunConfig
    folder: Path

    def do(self, task: LearningTask, advance: Advance) -> TrialScore:
        """Train with the seed of the search; its submodels are of no use."""
        config = replace(self.config, seed=SEARCH_SEED, powers=())
        progress = StepProgress(partial(advance_passes, advance, config.passes))
        finished = run_one(config, task, self.folder, selected_on=SELECTION_SPLIT, callbacks=[progress])
        score = finished.record.score(SELECTION_SPLIT, finished.record.benchmark.measure)
        return TrialScore(None if math.isnan(score) else score, finished.interrupted)


def search_file(run: PlannedRun) -> Path:
    """Where the trials of the objective and cell of a run are written."""
    return run.folder.parent / SEARCH_FILE


def trials_folder(run: PlannedRun) -> Path:
    """Where they are trained, and where it is written why a search failed."""
    return run.folder.parent / "search"


def searched(run: PlannedRun, trials: int) -> PlannedRun | None:
    """The run with the settings of the best trial, the first of equals; None while the search is not finished."""
    done = _trials(search_file(run))[:trials]
    scored = [trial for trial in done if trial["score"] is not None]
    if len(done) < trials or not scored:
        return None
    best = max(scored, key=lambda trial: float(trial["score"]))
    search = {"trials": trials, **_facts(run)}
    return replace(run, config=replace(with_settings(run.config, best["settings"]), search=search))


def with_settings(config: RunConfig, found: Mapping[str, Any]) -> RunConfig:
    """A run with a learning rate and settings of its objective."""
    own = {name: value for name, value in found.items() if name != "learning_rate"}
    return replace(
        config,
        spec=config.spec.with_settings(own),
        training={**config.training, "learning_rate": found["learning_rate"]},
    )


def check_search(trials: int, base: RunConfig, specs: Sequence[ObjectiveSpec]) -> None:
    """Refuse a search that cannot be done.

    Raises:
        UserError: A negative number, a setting is given that an objective would search, or optuna is not installed.
    """
    if trials < 0:
        raise UserError(f"--search_trials must be >= 0, got {trials}")
    if trials and "learning_rate" in base.training:
        raise UserError("--search_trials finds the learning rate; leave --learning_rate out")
    for spec in specs if trials else ():
        for setting in spec.search_space.keys() & spec.shared:
            value = spec.settings[setting]
            raise UserError(
                f"--search_trials finds {setting} of {spec.name}; leave --{setting} {value} out, or fix it for one "
                f"objective by writing ({setting}={value}) behind its name"
            )
    if trials and find_spec("optuna") is None:
        raise UserError("--search_trials needs optuna; install it with: pip install 'cmploss[search]'")


def check_search_file(run: PlannedRun, task: LearningTask) -> None:
    """Refuse the trials of an earlier search of other settings, whatever their number.

    Raises:
        UserError: Naming the first setting that differs.
    """
    path = search_file(run)
    if not path.exists():
        return
    differs = difference(json.loads(path.read_text(encoding="utf-8")).get("settings", {}), _settings(run, task))
    if differs:
        raise UserError(
            f"{path} holds the trials of another search: {differs}; remove {path.parent} to search anew, or choose "
            "another --output_dir"
        )


def check_begun(run: PlannedRun, trials: int) -> None:
    """Refuse another search where a run has begun: the runs of a row share the settings of one.

    Raises:
        UserError: Its settings come from another number of trials, or from trials that are gone.
    """
    settings = settings_in(run.folder)
    if settings is None:
        return
    earlier = settings.get("search", {}).get("trials", 0)
    if earlier != trials:
        raise UserError(
            f"--search_trials {trials}: {run.folder} has the settings of a search with {earlier} trials; give "
            f"--search_trials {earlier}, or choose another --output_dir"
        )
    if trials and searched(run, trials) is None:
        raise UserError(
            f"{search_file(run)} lacks the {trials} trials that {run.folder} has its settings from; put them back, or "
            f"remove {run.folder.parent} to search anew"
        )


def _settings(run: PlannedRun, task: LearningTask) -> dict[str, Any]:
    """What all trials share, and where they search."""
    return replace(run.config, seed=SEARCH_SEED, powers=(), search=_facts(run)).settings(task)


def _facts(run: PlannedRun) -> dict[str, Any]:
    return {
        "seed": SEARCH_SEED,
        "by": SELECTION_SPLIT,
        "learning_rate": list(LEARNING_RATES),
        **{name: list(values) for name, values in run.config.spec.search_space.items()},
    }


def _new_study() -> Any:
    import optuna  # an extra

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=SEARCH_SEED))


def _tell(study: Any, proposed: Any, score: float | None) -> None:
    from optuna.trial import TrialState

    study.tell(proposed, score, state=TrialState.FAIL if score is None else TrialState.COMPLETE)


def _distributions(config: RunConfig) -> dict[str, Any]:
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    own = {name: CategoricalDistribution(values) for name, values in config.spec.search_space.items()}
    return {"learning_rate": FloatDistribution(*LEARNING_RATES, log=True), **own}


def _trials(path: Path) -> list[dict[str, Any]]:
    return list(json.loads(path.read_text(encoding="utf-8"))["trials"]) if path.exists() else []
