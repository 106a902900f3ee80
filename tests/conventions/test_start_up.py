"""What starts without a model starts without the libraries that run one."""

import json
import pkgutil
import subprocess
import sys

import pytest

import cmploss

HEAVY = {"torch", "transformers", "datasets", "accelerate", "numpy", "scipy", "sklearn", "pandas", "matplotlib"}
PACKAGES = ["cmploss", *(found.name for found in pkgutil.walk_packages(cmploss.__path__, "cmploss.") if found.ispkg)]


def heavy_imports(program):
    """The heavy libraries that a new Python process imports for a program."""
    program = f"{program}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return HEAVY & set(json.loads(done.stderr.splitlines()[-1]))


def test_the_check_sees_an_import():
    assert heavy_imports("import numpy") == {"numpy"}


def test_importing_every_package_is_cheap():
    assert heavy_imports("\n".join(f"import {name}" for name in PACKAGES)) == set()


def test_a_public_name_wins_over_a_module_of_the_same_name():
    from cmploss.experiment import environment

    assert callable(environment)


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"module 'cmploss' has no attribute 'Comparativ'"):
        cmploss.Comparativ  # noqa: B018
    assert {"Comparative", "__version__"} <= set(dir(cmploss))
