"""What commands print where there is no terminal, or one without UTF-8."""

import io
import sys

import pytest

from cmploss.cli import console
from cmploss.cli.console import ProgressLines
from cmploss.cli.main import main


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_a_line_every_thirty_seconds(capsys):
    clock = Clock()
    lines = ProgressLines(100, clock=clock)
    for second in range(1, 71):
        clock.now = float(second)
        lines.advance(1)
    assert capsys.readouterr().err.splitlines() == [
        "30% done, 30 s, about 70 s left",
        "60% done, 60 s, about 40 s left",
    ]


def test_a_terminal_has_a_bar_instead(capsys, monkeypatch):
    for terminal, words in ((True, "scoring"), (False, "")):
        monkeypatch.setattr(console, "err", console.Console(stderr=True, force_terminal=terminal))
        with console.progress("scoring", 10) as advance:
            advance(5)
        assert words in capsys.readouterr().err
    assert not words


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_utf_8_shows_question_marks(monkeypatch, encoding):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict")
    monkeypatch.setattr(sys, "stdout", stream)
    assert main(["--help"]) == 0
    print("−2.0 ± 1.0 †")
    stream.flush()
    assert "?2.0" in stream.buffer.getvalue().decode(encoding)
