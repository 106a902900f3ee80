"""Files about a release agree with pyproject.toml."""

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def yaml_of(name):
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def test_the_citation_has_the_version_and_licence_of_the_package():
    citation = yaml_of("CITATION.cff")
    assert (str(citation["version"]), citation["license"]) == (PROJECT["version"], PROJECT["license"])
    assert f"## [{PROJECT['version']}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_changelog_has_only_the_kinds_of_changes_of_its_format():
    kinds = re.findall(r"^### (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert set(kinds) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_matrix_has_the_oldest_python_with_the_lowest_versions_and_the_newest_with_the_newest():
    matrix = yaml_of(".github/workflows/ci.yml")["jobs"]["versions"]["strategy"]["matrix"]["include"]
    runs = {(run["python"], run["resolution"]) for run in matrix}
    assert (PROJECT["requires-python"].removeprefix(">="), "lowest-direct") in runs
    assert ("3.x", "highest") in runs


def test_every_form_of_an_issue_has_its_parts():
    forms = [path for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml"]
    assert len(forms) >= 2
    for form in forms:
        parts = yaml_of(form)
        assert {"name", "description", "body"} <= set(parts)
        assert len({part["id"] for part in parts["body"]}) == len(parts["body"])
