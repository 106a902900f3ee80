"""The public names, and that importing the package changes nothing for its user."""

import importlib
import inspect
import json
import pkgutil
import subprocess
import sys

import pytest

import cmploss

MODULES = ["cmploss", *(found.name for found in pkgutil.walk_packages(cmploss.__path__, "cmploss."))]
PACKAGES = [name for name in MODULES if hasattr(importlib.import_module(name), "__all__")]

IMPORT = """
import json, logging, os, random, sys, warnings
import numpy, torch, transformers, datasets  # their own side effects are not ours

def state():
    loggers = [logging.getLogger(), *(logging.getLogger(name) for name in sorted(logging.root.manager.loggerDict))]
    return {
        "environ": dict(os.environ),
        "filters": [repr(entry) for entry in warnings.filters],
        "handlers": {logger.name: (repr(logger.handlers), logger.level) for logger in loggers if logger.handlers},
        "random": repr(random.getstate()),
        "numpy": repr(numpy.random.get_state()),
        "torch": torch.get_rng_state().tolist(),
        "default_dtype": repr(torch.get_default_dtype()),
        "verbosity": transformers.utils.logging.get_verbosity(),
        "bars": [transformers.utils.logging.is_progress_bar_enabled(), datasets.are_progress_bars_disabled()],
        "determinism": [torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark],
    }

from transformers import Trainer, HfArgumentParser, AutoModelForSequenceClassification
import scipy.stats, sklearn.metrics, pandas, accelerate
before = state()
import cmploss
package = state()
found = [name for name in sys.modules if name.startswith("cmploss.cli")]
for name in {modules}:
    __import__(name)
changed = [[name for name in before if before[name] != after[name]] for after in (package, state())]
print(json.dumps([*changed, found]))
"""


def test_all_modules_are_found():
    assert {"cmploss.losses.comparative", "cmploss.studies.study", "cmploss.cli.train"} <= set(MODULES)
    assert len(MODULES) > 50


@pytest.mark.parametrize("name", PACKAGES)
def test_public_names_are_sorted_and_importable(name):
    module = importlib.import_module(name)
    names = list(module.__all__)
    assert len(set(names)) == len(names)
    # Constants, classes, functions: the order of ruff's RUF022.
    kinds = [(not word.isupper(), not word[0].isupper(), word) for word in names]
    assert kinds == sorted(kinds)
    assert [word for word in names if not hasattr(module, word)] == []


def test_the_public_names_are_those_of_the_design():
    assert {
        "CmpCrop",
        "CmpDrop",
        "Comparative",
        "EqualCompute",
        "LabelSmoothing",
        "LoL",
        "ObjectiveTrainer",
        "RDrop",
        "Supervised",
        "SupervisedContrastive",
        "__version__",
        "comparative_loss",
        "compare",
        "comparison_weights",
        "nested_dropout",
        "primary_loss",
        "supervised_contrastive_loss",
    } <= set(cmploss.__all__)


@pytest.mark.parametrize("name", [name for name in cmploss.__all__ if name != "__version__"])
def test_public_names_are_documented_with_their_parameters(name):
    thing = getattr(cmploss, name)
    text = inspect.getdoc(thing) or ""
    assert text.splitlines()[0].endswith(".")
    parameters = [
        parameter.name
        for parameter in inspect.signature(thing).parameters.values()
        if parameter.kind is not parameter.VAR_KEYWORD
    ]
    assert [word for word in parameters if f"{word}:" not in text] == []


def test_importing_changes_nothing():
    """Neither the package alone, which leaves the command line out, nor all of its modules."""
    program = IMPORT.replace("{modules}", repr(MODULES))
    done = subprocess.run([sys.executable, "-W", "error::UserWarning", "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == [[], [], []]
