"""The public names, and that importing the package changes nothing for its user."""

import importlib
import inspect
import json
import pkgutil
import subprocess
import sys

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


def test_public_names_and_their_methods_have_docstrings():
    missing = []
    for name in PACKAGES:
        module = importlib.import_module(name)
        for word in module.__all__:
            found = getattr(module, word)
            if not (inspect.isclass(found) or inspect.isfunction(found)):
                continue
            members = vars(found).items() if inspect.isclass(found) else ()
            methods = [
                (f"{word}.{member}", value)
                for member, value in members
                if not member.startswith("_") and (inspect.isfunction(value) or isinstance(value, property))
            ]
            missing += [f"{name}.{place}" for place, value in [(word, found), *methods] if not inspect.getdoc(value)]
    assert missing == []


def test_public_names_are_importable():
    """A name that a package imports without ``as`` is not public, and ruff's F401 finds it."""
    modules = {name: importlib.import_module(name) for name in PACKAGES}
    assert [name for name, module in modules.items() if not module.__all__] == []
    assert [
        f"{n}.{word}" for n, module in modules.items() for word in module.__all__ if not hasattr(module, word)
    ] == []


def test_the_public_names_are_those_of_the_design():
    assert {
        "CmpCrop",
        "CmpDrop",
        "CmpLayer",
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


def test_public_names_are_documented_with_their_parameters():
    things = {name: getattr(cmploss, name) for name in cmploss.__all__ if name != "__version__"}
    texts = {name: inspect.getdoc(thing) or "" for name, thing in things.items()}
    assert [name for name, text in texts.items() if not text.partition("\n")[0].endswith(".")] == []
    parameters = [
        (name, parameter.name)
        for name, thing in things.items()
        for parameter in inspect.signature(thing).parameters.values()
        if parameter.kind is not parameter.VAR_KEYWORD
    ]
    assert [(name, word) for name, word in parameters if f"{word}:" not in texts[name]] == []


def test_importing_changes_nothing():
    """Neither the package alone, which leaves the command line out, nor all of its modules."""
    program = IMPORT.replace("{modules}", repr(MODULES))
    done = subprocess.run([sys.executable, "-W", "error::UserWarning", "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == [[], [], []]
