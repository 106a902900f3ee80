"""What is said where an optional package is missing."""

import sys

import pytest

from cmploss.errors import UserError
from cmploss.retrieval.optional import extra


def test_a_missing_package_is_named_with_its_remedy():
    with pytest.raises(UserError, match=r"nowhere_to_be_found is not installed; pip install 'cmploss\[retrieval\]'"):
        extra("nowhere_to_be_found.part")


def test_a_package_that_is_there_is_given_and_its_own_faults_are_not_hidden(tmp_path, monkeypatch):
    assert extra("json.decoder") is sys.modules["json.decoder"]
    (tmp_path / "broken_package.py").write_text("import nowhere_to_be_found")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="nowhere_to_be_found"):
        extra("broken_package")
