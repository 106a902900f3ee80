"""Completion scripts name every command, option and choice."""

import shutil
import subprocess
from dataclasses import fields
from importlib import import_module

import pytest

from cmploss.cli.main import COMMANDS, main

shtab = pytest.importorskip("shtab")


@pytest.fixture
def complete(tmp_path, capsys):
    """What bash offers for the last word of a command line."""
    if shutil.which("bash") is None:
        pytest.skip("no bash")
    assert main(["completion", "bash"]) == 0
    path = tmp_path / "cmploss.bash"
    path.write_text(capsys.readouterr().out, encoding="utf-8")

    def offers(line):
        words = line.split(" ")
        script = (
            f"source {path}\nCOMP_WORDS=({' '.join(word or repr('') for word in words)})\nCOMP_CWORD={len(words) - 1}\n"
            "function=$(complete -p cmploss | sed -E 's/.*-F ([^ ]+) .*/\\1/')\n"
            f"$function cmploss '{words[-1]}' '{words[-2]}'\nprintf '%s\\n' \"${{COMPREPLY[@]}}\""
        )
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=tmp_path)
        return {word.strip() for word in done.stdout.splitlines()}

    return offers


def test_commands_options_and_choices(complete):
    assert {name.split()[0] for name in COMMANDS} <= complete("cmploss ")
    assert {name.split()[1] for name in COMMANDS if " " in name} <= complete("cmploss retrieve ")
    assert complete("cmploss compare --few") == {"--few_shot"}
    assert complete("cmploss retrieve index --kind ") >= {"dense", "sparse"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_ours_is_offered(name, complete):
    options = {
        f"--{field.name}"
        for section in import_module(f"cmploss.cli.{name.replace(' ', '_')}").SECTIONS
        for field in fields(section)
    }
    assert options <= complete(f"cmploss {name} --")


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_every_shell_has_a_script(shell, capsys):
    assert main(["completion", shell]) == 0
    assert "few_shot" in capsys.readouterr().out


def test_another_shell_is_refused(capsys):
    assert main(["completion", "fish"]) == 2
    assert capsys.readouterr().err == "error: cmploss completion bash | zsh | tcsh\n"
