"""Random bits for dropout on the CPU: drawn by all threads, and the same again for every pass that asks."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import prod
from typing import NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

WORDS = 2**18  # 64-bit words that one random number generator fills; 2 MB
_PIECE = 2**16  # words that are drawn at a time; 512 kB stay in the cache
_PER_WORD = 4  # elements
CHUNK = _PER_WORD * WORDS
Integers = NDArray[np.int16]


class Rows(NamedTuple):
    """Some rows of a batch: their indices ``(rows,)``, and how many rows the batch has."""

    indices: Tensor
    batch: int


class RandomBits:
    """16 random bits per element for every application of dropout in a pass, the same for all passes of one seed.

    The bits of a smaller tensor are the first ones of a larger one, so that one draw also serves views of many lengths.

    Args:
        seed: An integer ≥ 0.
        keep: Keep what :meth:`draw` drew for further passes, 2 bytes per element, rather than draw the same again.

    Attributes:
        leading: The sizes of the first dimension that dropout was applied to, and 0 for a dropout that was not ours.
    """

    def __init__(self, seed: int, *, keep: bool = True):
        self.seed = seed
        self.keep = keep
        self.leading: set[int] = set()
        self._drawn: dict[int, Tensor] = {}

    def draw(self, number: int, shape: Sequence[int], rows: Rows | None = None) -> Tensor:
        """Integers uniform on [−2¹⁵, 2¹⁵), which depend on the seed and the number of the application.

        With ``rows`` they are those that these rows have in the whole batch.
        """
        if rows is not None:
            return self.draw(number, (rows.batch, *shape[1:]))[rows.indices]
        self.leading.add(shape[0] if shape else 0)
        drawn, size = self._drawn.get(number), prod(shape)
        if drawn is None or drawn.numel() < size:
            drawn = self._fresh(number, size)
        if self.keep:
            self._drawn[number] = drawn
        return drawn[:size].view(*shape)

    def in_blocks(self, number: int, shape: Sequence[int], rows: Rows | None = None) -> "Drawn":
        """The same integers, for somebody who needs a few at a time and can draw them again later."""
        self.leading.add(rows.batch if rows is not None else shape[0])
        return Drawn(self.seed, number, tuple(shape), rows)

    def _fresh(self, number: int, size: int) -> Tensor:
        with _Stream(self.seed, number, size) as stream:
            drawn = np.empty(size, np.int16)
            for place in range(stream.chunks):
                part = drawn[place * CHUNK : (place + 1) * CHUNK]
                part[:] = stream.chunk(place)[: len(part)]
        return torch.from_numpy(drawn)


@dataclass(frozen=True)
class Drawn:
    """The random bits of one application of dropout to a tensor ``(batch, heads, queries, keys)``; none are kept.

    Attributes:
        seed: Of the :class:`RandomBits`.
        number: Of the application.
        shape: Of the tensor.
        rows: The rows of the batch that it has; all by default.
    """

    seed: int
    number: int
    shape: tuple[int, ...]
    rows: Rows | None

    def all(self) -> Tensor:
        """The bits of the whole tensor."""
        return RandomBits(self.seed, keep=False).draw(self.number, self.shape, self.rows)

    def blocks(self, rows: int, heads: int) -> Iterator[Tensor]:
        """The bits of block after block of so many rows and heads, heads first."""
        batch, all_heads, *scores = self.shape
        indices = list(range(batch)) if self.rows is None else self.rows.indices.tolist()
        size = prod(scores)
        total = (batch if self.rows is None else self.rows.batch) * all_heads * size
        with _Stream(self.seed, self.number, total) as stream:
            for row in range(0, batch, rows):
                for head in range(0, all_heads, heads):
                    count = min(heads, all_heads - head)
                    starts = [(index * all_heads + head) * size for index in indices[row : row + rows]]
                    drawn = _joined([stream.read(start, start + count * size) for start in starts])
                    yield torch.from_numpy(drawn).view(len(starts), count, *scores)


class _Stream:
    """The integers of one application, drawn in chunks, each with a generator of its own."""

    def __init__(self, seed: int, number: int, size: int):
        self.seed = seed
        self.number = number
        self.words = -(-size // _PER_WORD)
        self.chunks = -(-self.words // WORDS)
        self._ahead: dict[int, Integers] = {}
        self._threads = ThreadPoolExecutor(torch.get_num_threads())  # drawing releases Python's lock

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown()

    def read(self, start: int, stop: int) -> Integers:
        """The integers from ``start`` on; who reads forwards has each chunk drawn once."""
        places = range(start // CHUNK, -(-stop // CHUNK))
        parts = [self.chunk(place)[max(0, start - place * CHUNK) : stop - place * CHUNK] for place in places]
        return _joined(parts)

    def chunk(self, place: int) -> Integers:
        """A chunk; those after it are drawn with it, one in every thread, and those before it are forgotten."""
        if place not in self._ahead:
            places = range(place, min(self.chunks, place + torch.get_num_threads()))
            # Memory of this thread, which keeps it: what others allocate they would ask the system for again and again.
            words = np.empty((len(places), min(WORDS, self.words - place * WORDS)), np.uint64)
            fill = self._threads.map if len(places) > 1 else map
            list(fill(self._fill, places, words))
            self._ahead = dict(zip(places, words.view(np.int16), strict=True))
        return self._ahead[place]

    def _fill(self, place: int, words: NDArray[np.uint64]) -> None:
        start = place * WORDS
        generator = np.random.SFC64(np.random.SeedSequence(self.seed, spawn_key=(self.number, start)))
        for first in range(0, min(WORDS, self.words - start), _PIECE):
            part = words[first : min(first + _PIECE, self.words - start)]
            part[:] = generator.random_raw(len(part))


def _joined(parts: Sequence[Integers]) -> Integers:
    return parts[0] if len(parts) == 1 else np.concatenate([*parts, np.empty(0, np.int16)])
