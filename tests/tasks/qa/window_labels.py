"""What the labels of windows say."""

from collections.abc import Iterable
from typing import Any

from cmploss.tasks.qa import Span


def answer_of(question: Any, window: dict[str, Any]) -> Span | None:
    """What the labels of a window say, read as a decoder reads it; None for no answer."""
    first, last, null = (window[name] for name in ("start_positions", "end_positions", "null_position"))
    if (first, last) == (null, null):
        return None
    text = window["segments"][first]
    assert text == window["segments"][last] >= 0
    return Span(text, window["offsets"][first][0], window["offsets"][last][1])


def lost_answers(windows: Iterable[dict[str, Any]]) -> set[int]:
    """The questions whose answer is in none of their windows."""
    lost: dict[int, bool] = {}
    for window in windows:
        lost[window["question"]] = window["answer_lost"] and lost.get(window["question"], True)
    return {question for question, gone in lost.items() if gone}
