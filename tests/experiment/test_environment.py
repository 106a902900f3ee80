import json
import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest
import torch

from cmploss.experiment import environment


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The working directory, outside every repository."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    return tmp_path


def git(*arguments: str) -> str:
    user = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", *user, *arguments], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def commit(folder) -> str:
    """The one commit of a repository in the working directory."""
    git("init")
    (folder / "file").write_text("one")
    git("add", "file")
    git("commit", "-m", "one")
    return git("rev-parse", "HEAD").strip()


def git_state() -> tuple[object, object]:
    found = environment()
    return found["git_commit"], found["git_dirty"]


def test_versions_and_machine():
    found = environment()
    assert found["python"] == platform.python_version()
    assert found["torch"] == version("torch")
    assert found["cpus"] == os.cpu_count()
    assert found["torch_threads"] == torch.get_num_threads()
    assert found["platform"] == platform.platform()
    assert found["device"]
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_a_package_that_is_not_installed(monkeypatch):
    monkeypatch.setitem(environment.__globals__, "PACKAGES", ("no-such-package",))
    assert environment()["no-such-package"] is None


def test_device_without_a_list_of_cpus(monkeypatch):
    read = Path.read_text

    def refuse(path, *given, **options):
        if str(path) == "/proc/cpuinfo":
            raise PermissionError
        return read(path, *given, **options)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(Path, "read_text", refuse)
    assert environment()["device"] == (platform.processor() or platform.machine())


def test_device_is_the_accelerator(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "GPU 1")
    assert environment()["device"] == "GPU 1"


def test_commit_and_changes(folder, commit):
    assert git_state() == (commit, False)
    (folder / "untracked").write_text("outputs of a run")
    assert git_state() == (commit, False)
    (folder / "file").write_text("two")
    assert git_state() == (commit, True)


@pytest.mark.usefixtures("folder")
def test_no_repository_and_no_commit():
    assert git_state() == (None, None)
    git("init")
    assert git_state() == (None, None)


@pytest.mark.usefixtures("commit")
def test_without_git(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert git_state() == (None, None)


@pytest.mark.usefixtures("commit")
def test_git_that_hangs(monkeypatch):
    def hang(*_, **__):
        raise subprocess.TimeoutExpired("git", 10)

    monkeypatch.setattr(subprocess, "run", hang)
    assert git_state() == (None, None)
