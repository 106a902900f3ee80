"""Trackers: each training is one run of theirs, named after its folder, grouped by study, and ended with it."""

import os
import sys
import types
from pathlib import Path

import pytest
import torch.utils

from tests.cli.test_commands import TINY, TRAIN

STUDY = f"compare {TINY} --train_file train.csv --objectives supervised --output_dir out"
COMPARE = f"{STUDY} --seeds 1 --max_steps 4"


class Wandb(types.ModuleType):
    """What transformers uses of wandb: one open run at a time, to which everything is logged."""

    def __init__(self):
        super().__init__("wandb")
        self.__spec__ = types.SimpleNamespace(origin=None)
        self.run, self.runs, self.config = None, [], {}

    def init(self, **options):
        group = os.environ.get("WANDB_RUN_GROUP")
        self.run = types.SimpleNamespace(name=options["name"], group=group, steps=[], end=None, summary={})
        self.run._label = lambda code: None
        self.runs.append(self.run)

    def log(self, values):
        self.run.steps.append(values["train/global_step"])

    def finish(self, exit_code):
        self.run.end = exit_code
        self.run = None


@pytest.fixture
def wandb(monkeypatch):
    module = Wandb()
    monkeypatch.setitem(sys.modules, "wandb", module)
    errors = types.ModuleType("wandb.sdk.lib.config_util")
    errors.ConfigError = type("ConfigError", (Exception,), {})
    for name in ("wandb.sdk", "wandb.sdk.lib"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, errors.__name__, errors)
    return module


def test_each_training_of_a_study_is_a_run_in_its_group(cmploss, wandb):
    assert cmploss(f"{STUDY} --seeds 2 --steps 2,4 --logging_steps 1 --report_to wandb")[0] == 0
    names = [f"steps-{steps}/supervised/seed-{seed}" for seed in (0, 1) for steps in (2, 4)]
    assert [run.name for run in wandb.runs] == names
    assert {(run.group, run.end) for run in wandb.runs} == {("out", 0)}
    assert [max(run.steps) for run in wandb.runs] == [2, 4, 2, 4]
    assert "WANDB_RUN_GROUP" not in os.environ


def test_pilot_runs_and_trials_are_trainings_too(cmploss, wandb, monkeypatch):
    monkeypatch.setattr("cmploss.studies.run_config.LEAST_STEPS", 1)
    study = STUDY.replace("--learning_rate 1e-2", "--search_trials 1 --report_to wandb --run_name mine")
    assert cmploss(f"{study} --seeds 1")[0] == 0
    names = [run.name for run in wandb.runs]
    pilots = [name for name in names if name.startswith("pilot/")]
    assert len(pilots) >= 2
    assert names == [*dict.fromkeys(pilots), "supervised/search/trial-0", "supervised/seed-0"]
    assert {run.group for run in wandb.runs} == {"mine"}


def test_a_run_that_fails_is_ended_as_failed(cmploss, wandb):
    assert cmploss(f"{STUDY} --seeds 2 --learning_rate 1e30 --max_steps 20 --report_to wandb")[0] == 1
    assert [(run.name, run.end) for run in wandb.runs] == [("supervised/seed-0", 1), ("supervised/seed-1", 1)]


def test_a_training_by_itself_has_its_own_name(cmploss, wandb):
    assert cmploss(f"{TRAIN} --report_to wandb --run_name mine")[0] == 0
    assert [(run.name, run.group, run.end) for run in wandb.runs] == [("mine", None, 0)]


def test_trackers_are_no_part_of_the_identity_of_a_run(cmploss, wandb):
    assert cmploss(COMPARE)[0] == 0
    assert cmploss(f"{STUDY} --seeds 2 --max_steps 4 --report_to wandb")[0] == 0
    assert [run.name for run in wandb.runs] == ["supervised/seed-1"]


@pytest.mark.parametrize("command", [TRAIN, COMPARE])
def test_an_open_run_of_the_user_is_refused(refused, wandb, command):
    wandb.init(name="theirs")
    assert refused(f"{command} --report_to wandb", ["--report_to wandb: a run of wandb is open"])
    assert wandb.run.end is None


@pytest.mark.parametrize("command", [TRAIN, COMPARE])
@pytest.mark.parametrize("name", ["wandb", "mlflow", "tensorboard", "trackio"])
def test_a_package_that_is_missing_is_named(refused, monkeypatch, command, name):
    monkeypatch.setattr("cmploss.experiment.trackers.find_spec", lambda module: None)
    words = [f"error: --report_to {name} needs {name}; install it with: pip install {name}"]
    assert refused(f"{command} --report_to none,{name}", words)


def test_a_dry_run_is_no_training(cmploss, wandb):
    assert cmploss(f"{COMPARE} --report_to wandb --dry_run")[0] == 0
    assert wandb.runs == []


def test_an_unknown_tracker_is_refused(refused):
    assert refused(f"{COMPARE} --report_to wandbb", ["error: --report_to: wandbb is not supported"])


def test_tensorboard_has_a_folder_for_each_training(cmploss, workplace, monkeypatch):
    written = []

    class SummaryWriter:
        def __init__(self, log_dir):
            written.append(log_dir)

        def __getattr__(self, name):
            return lambda *values: None

    stub = types.ModuleType("torch.utils.tensorboard")
    stub.SummaryWriter = SummaryWriter
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", stub)
    monkeypatch.setattr(torch.utils, "tensorboard", stub, raising=False)
    monkeypatch.setattr("cmploss.experiment.trackers.find_spec", lambda module: True)
    monkeypatch.setattr("transformers.integrations.integration_utils.is_tensorboard_available", lambda: True)
    assert cmploss(f"{STUDY} --seeds 2 --max_steps 4 --report_to tensorboard")[0] == 0
    assert written == [f"out/tensorboard/supervised/seed-{seed}" for seed in (0, 1)]
    assert not Path("out/tensorboard").exists()  # the stub writes nothing
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", "logs")
    assert cmploss(f"{TRAIN} --output_dir one --report_to tensorboard")[0] == 0
    assert written[2:] == ["logs/one"]
