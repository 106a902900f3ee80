"""Hyper-parameter search: equally many trials for each objective, scored on the validation split."""

import logging
import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from operator import itemgetter
from pathlib import Path
from typing import Any

from cmploss.atomic import read_json, write_json
from cmploss.errors import Interrupted, NotFiniteError, UserError
from cmploss.experiment.run_dir import SEARCH_FILE, SEARCH_FOLDER, check_same, flat, one_line, settings_in
from cmploss.studies.plan import PlannedRun
from cmploss.studies.run import Advance, progress, run_one
from cmploss.studies.run_config import RunConfig
from cmploss.studies.run_tasks import RunTasks
from cmploss.tasks.base import LearningTask
from cmploss.tasks.splits import SELECTION_SPLIT

SEARCH_SEED = 1000
"""The seed of all trials; reported runs use other seeds."""

LEARNING_RATES = (1e-5, 5e-4)
"""The range of the learning rate, drawn log-uniformly for every objective."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SearchJob:
    """The trials of an objective in a condition, one after another; finished trials are not run again.

    ``run`` is the first run of the objective in the condition.
    """

    run: PlannedRun
    trials: int

    @property
    def folder(self) -> Path:
        return self.run.folder.parent / SEARCH_FOLDER

    def do(self, tasks: RunTasks, advance: Advance) -> int:
        """Run the trials and write each when it is finished; a trial whose numbers are not finite has no score."""
        task = tasks.of(self.run.config)
        path, settings = search_file(self.run), _settings(self.run.config, task)
        check_search_file(self.run, task)
        done = _trials(path)
        write_json(path, {"settings": settings, "trials": done})
        import optuna  # an extra

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=SEARCH_SEED))
        states = optuna.trial.TrialState
        failed: NotFiniteError | None = None
        for number in range(self.trials):
            proposed = study.ask(_distributions(self.run.config))
            if number == len(done):
                folder, late = self.folder / f"trial-{number}", 0
                trial: dict[str, Any] = {"settings": proposed.params, "score": None}
                try:
                    trial["score"], late = self._trial(proposed.params, folder, task, advance)
                except NotFiniteError as error:
                    failed, trial["error"] = error, one_line(error)
                done.append(trial)
                write_json(path, {"settings": settings, "trials": done})
                shutil.rmtree(folder, ignore_errors=True)
                if late:
                    raise Interrupted(late)
            trial = done[number]
            if trial["settings"] != proposed.params:
                raise UserError(f"{path} holds the trials of another search; remove {path.parent} to search again")
            score = trial["score"]
            study.tell(proposed, score, state=states.FAIL if score is None else states.COMPLETE)
        if all(trial["score"] is None for trial in done):
            path.unlink()  # so that the same command tries again
            last = done[-1].get("error", "it is undefined")
            raise UserError(f"no trial has a score; the last one: {last}") from failed
        without = sum(trial["score"] is None for trial in done)
        if without:
            count = f"{without} of {len(done)} trials have no score"
            logger.warning("note: %s: %s: their numbers are not finite", path, count)
        return 0

    def _trial(
        self, settings: Mapping[str, Any], folder: Path, task: LearningTask, advance: Advance
    ) -> tuple[float | None, int]:
        """The score on the selection split, None if undefined, and the signal that came too late, or 0."""
        config = replace(with_settings(self.run.config, settings), seed=SEARCH_SEED, powers=(), depths=())
        callbacks = [progress(config, advance)]
        finished = run_one(config, task, folder, selected_on=SELECTION_SPLIT, callbacks=callbacks)
        score = finished.record.score(SELECTION_SPLIT, finished.record.benchmark.measure)
        return None if math.isnan(score) else score, finished.interrupted


def search_file(run: PlannedRun) -> Path:
    return run.folder.parent / SEARCH_FILE


def searched(run: PlannedRun, trials: int) -> PlannedRun | None:
    """The run with the settings of the best trial (of equal ones the first); None before the search is finished."""
    done = _trials(search_file(run))[:trials]
    scored = [trial for trial in done if trial["score"] is not None]
    if len(done) < trials or not scored:
        return None
    best = max(scored, key=itemgetter("score"))
    search = {"trials": trials, **_facts(run.config)}
    return replace(run, config=replace(with_settings(run.config, best["settings"]), search=search))


def with_settings(config: RunConfig, found: Mapping[str, Any]) -> RunConfig:
    own = {name: value for name, value in found.items() if name != "learning_rate"}
    return replace(
        config,
        spec=config.spec.with_settings(own),
        training={**config.training, "learning_rate": found["learning_rate"]},
    )


def check_search(trials: int, rows: Sequence[RunConfig]) -> None:
    if trials < 0:
        raise UserError(f"--search_trials must be >= 0, got {trials}")
    if trials and any("learning_rate" in row.training for row in rows):
        raise UserError("--search_trials finds the learning rate; leave --learning_rate out")
    for spec in [row.spec for row in rows] if trials else ():
        for setting in spec.search_space.keys() & spec.shared:
            value = spec.settings[setting]
            raise UserError(
                f"--search_trials finds {setting} of {spec.name}; leave --{setting} {value} out, or fix it for one "
                f"objective by writing ({setting}={value}) behind its name"
            )
    if trials and find_spec("optuna") is None:
        raise UserError("--search_trials needs optuna; install it with: pip install 'cmploss[search]'")


def check_search_file(run: PlannedRun, task: LearningTask) -> None:
    """Refuse the trials of an earlier search with other settings; their number may differ."""
    path = search_file(run)
    if path.exists():
        remedy = f"remove {path.parent} to search again, or choose another --output_dir"
        earlier, _ = trials_in(path)
        earlier.pop("score_layers", None)  # of an earlier version, whose trials scored submodels
        check_same(earlier, _settings(run.config, task), f"{path} holds the trials of another search", remedy)


def check_begun(run: PlannedRun, trials: int) -> None:
    """Refuse another search where a run has begun: the runs of a row share the settings of one search."""
    settings = settings_in(run.folder)
    if settings is None:
        return
    earlier = flat(settings).get("search.trials", 0)
    if earlier != trials:
        raise UserError(
            f"--search_trials {trials}: {run.folder} has the settings of a search with {earlier} trials; give "
            f"--search_trials {earlier}, or choose another --output_dir"
        )
    if trials and searched(run, trials) is None:
        raise UserError(
            f"{search_file(run)} lacks the {trials} trials that {run.folder} has its settings from; put them back, or "
            f"remove {run.folder.parent} to search again"
        )


def _settings(config: RunConfig, task: LearningTask) -> dict[str, Any]:
    return replace(config, seed=SEARCH_SEED, powers=(), depths=(), search=_facts(config)).settings(task)


def _facts(config: RunConfig) -> dict[str, Any]:
    return {
        "seed": SEARCH_SEED,
        "by": SELECTION_SPLIT,
        "learning_rate": list(LEARNING_RATES),
        **{name: list(values) for name, values in config.spec.search_space.items()},
    }


def _distributions(config: RunConfig) -> dict[str, Any]:
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    own = {name: CategoricalDistribution(values) for name, values in config.spec.search_space.items()}
    return {"learning_rate": FloatDistribution(*LEARNING_RATES, log=True), **own}


def _trials(path: Path) -> list[dict[str, Any]]:
    return trials_in(path)[1] if path.exists() else []


def trials_in(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The settings of a search, and its trials, each with ``settings`` and ``score``."""
    return read_json(path, lambda found: (dict(found["settings"]), [_trial_of(**each) for each in found["trials"]]))


def _trial_of(settings: Mapping[str, Any], score: float | None, **error: str) -> dict[str, Any]:
    return {"settings": dict(settings), "score": None if score is None else float(score), **error}
