"""Noisy texts: typos, dropped words, and swapped words."""

from collections.abc import Sequence
from math import hypot
from random import Random
from typing import TypeVar

T = TypeVar("T")

_ROWS = (("qwertyuiop", 0.0), ("asdfghjkl", 0.25), ("zxcvbnm", 0.75))
_PLACES = {letter: (shift + i, y) for y, (row, shift) in enumerate(_ROWS) for i, letter in enumerate(row)}
NEIGHBOURS = {
    letter: "".join(other for other, (u, v) in _PLACES.items() if 0 < hypot(x - u, y - v) < 1.3)
    for letter, (x, y) in _PLACES.items()
}
"""Letter -> the letters around it on a QWERTY keyboard."""

TEXT_NOISES = {"typo": ("typo",), "drop": ("drop",), "swap": ("swap",), "text": ("typo", "drop", "swap")}
"""Kind of noise -> the simple kinds that share its rate equally."""


def noisy_text(text: str, kind: str, rate: float, *, seed: int) -> str:
    """A text with noise in its words, which are separated by white space.

    - ``typo``: each word gets one typo with probability ``rate``: a letter is replaced by a neighbour on the keyboard,
      a neighbour is inserted after it, a character is lost, or two are swapped. Words without a letter stay.
    - ``drop``: each word is left out with probability ``rate``; at least one word stays.
    - ``swap``: words are paired with their neighbours, from the first or second word on; each pair is swapped with
      probability ``rate``, so that about this share of words is misplaced.
    - ``text``: all three, each at ``rate / 3``.

    The noise depends on the text, the seed and the rate alone. What is noisy at one rate is noisy in the same way at
    every higher rate. A text in which no word has changed is returned as it is, any other with single spaces.

    Examples:
        >>> noisy_text("the quick brown fox", "swap", 1.0, seed=0)
        'quick the fox brown'
    """
    kinds = TEXT_NOISES[kind]
    draws = {simple: Random(f"{seed} {simple} {text}") for simple in kinds}
    rate = rate / len(kinds)
    words = text.split()
    order = list(range(len(words)))
    noisy = _misspelt(words, rate, draws["typo"]) if "typo" in draws else words
    if "swap" in draws:
        order = _swapped(order, rate, draws["swap"])
    if "drop" in draws:
        kept = _kept(len(words), rate, draws["drop"])
        order = [place for place in order if place in kept]
    found = [noisy[place] for place in order]
    return text if found == words else " ".join(found)


def typo(word: str, draw: Random) -> str:
    """The word with one typo that changes it; words that allow none stay the same."""
    letters = [i for i, character in enumerate(word) if character.lower() in NEIGHBOURS]
    unlike = [i for i in range(len(word) - 1) if word[i] != word[i + 1]]
    edits = ["substitute", "insert"] * bool(letters) + ["delete"] * (len(word) > 1) + ["transpose"] * bool(unlike)
    if not edits or not any(map(str.isalpha, word)):
        return word
    edit = _choice(edits, draw)
    if edit == "delete":
        place = _choice(range(len(word)), draw)
        return word[:place] + word[place + 1 :]
    if edit == "transpose":
        place = _choice(unlike, draw)
        return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    place = _choice(letters, draw)
    key = _choice(NEIGHBOURS[word[place].lower()], draw)
    key = key.upper() if word[place].isupper() else key
    return word[: place + (edit == "insert")] + key + word[place + 1 :]


def _misspelt(words: Sequence[str], rate: float, draw: Random) -> list[str]:
    # Draw a typo for every word, so that its random numbers do not depend on the rate.
    drawn = [(draw.random(), typo(word, draw)) for word in words]
    return [wrong if chance < rate else word for word, (chance, wrong) in zip(words, drawn, strict=True)]


def _swapped(places: Sequence[int], rate: float, draw: Random) -> list[int]:
    found = list(places)
    for first in range(int(draw.random() * 2), len(found) - 1, 2):
        if draw.random() < rate:
            found[first], found[first + 1] = found[first + 1], found[first]
    return found


def _kept(count: int, rate: float, draw: Random) -> set[int]:
    chances = [draw.random() for _ in range(count)]
    return {place for place, chance in enumerate(chances) if chance >= rate or chance == max(chances)}


def _choice(items: Sequence[T], draw: Random) -> T:
    return items[int(draw.random() * len(items))]  # Random.choice may change with Python, random() does not
