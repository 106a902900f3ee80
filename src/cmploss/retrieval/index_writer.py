"""How the files of an index come to be while it is encoded: in any order of the documents, with interruptions."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray
from scipy import sparse

from cmploss.atomic import writing
from cmploss.errors import UserError
from cmploss.retrieval.index import SPARSE_PARTS, VECTORS_FILE, DenseIndex, Index, SparseIndex

CHUNKS = "chunk-*.npz"


@dataclass(frozen=True)
class Storage(ABC):
    """Where vectors go.

    Attributes:
        folder: Of the index.
        shape: Of all vectors together.
    """

    index: ClassVar[type[Index]]
    folder: Path
    shape: tuple[int, int]

    @abstractmethod
    def write(self, start: int, rows: NDArray[np.intp], vectors: Any) -> None:
        """Store the vectors of ``rows``, of which the first is the ``start``-th to be encoded."""

    @abstractmethod
    def finish(self, order: NDArray[np.intp]) -> None:
        """Complete the files of an index, whose rows were written in ``order``; may be done twice."""

    @abstractmethod
    def clear(self) -> None:
        """Remove what a finished index does not need."""


class DenseStorage(Storage):
    """Vectors in float16, each written to its row of a file of the whole size."""

    index = DenseIndex

    def write(self, start: int, rows: NDArray[np.intp], vectors: Any) -> None:
        """Store the vectors of ``rows``."""
        whole: Any = {"mode": "r+"} if start else {"mode": "w+", "dtype": np.float16, "shape": self.shape}
        file = open_memmap(self.folder / VECTORS_FILE, **whole)
        file[rows] = vectors
        file.flush()

    def finish(self, order: NDArray[np.intp]) -> None:
        """Nothing is left to do: every row is in its place."""

    def clear(self) -> None:
        """Nothing is left over."""


class SparseStorage(Storage):
    """Token weights, in a file for each chunk until all are there: only then the size of the whole is known."""

    index = SparseIndex

    def write(self, start: int, rows: NDArray[np.intp], vectors: Any) -> None:
        """Store the weights of ``rows``."""
        sparse.save_npz(self.folder / CHUNKS.replace("*", f"{start:012}"), vectors, compressed=False)

    def finish(self, order: NDArray[np.intp]) -> None:
        """Put the rows of all chunks to their places in one CSR matrix, with one chunk in memory.

        Raises:
            UserError: There is no weight at all.
        """
        chunks = sorted(self.folder.glob(CHUNKS))
        lengths = np.zeros(self.shape[0] + 1, dtype=np.int64)
        lengths[order + 1] = np.concatenate([np.diff(_read(path).indptr) for path in chunks])
        starts = lengths.cumsum()
        total = int(starts[-1])
        if total == 0:
            raise UserError(f"{self.folder}: no document has a token weight above 0; choose another --model")
        integer = np.int64 if total > np.iinfo(np.int32).max else np.int32
        files = [
            open_memmap(self.folder / f"{name}.npy", mode="w+", dtype=kind, shape=(total,))
            for name, kind in zip(SPARSE_PARTS, (np.float32, integer), strict=False)
        ]
        done = 0
        for path in chunks:
            chunk = _read(path)
            rows = order[done : done + chunk.shape[0]]
            places = np.repeat(starts[rows] - chunk.indptr[:-1], np.diff(chunk.indptr)) + np.arange(chunk.nnz)
            for file, values in zip(files, (chunk.data, chunk.indices), strict=True):
                file[places] = values
            done += len(rows)
        for file in files:
            file.flush()
        with writing(self.folder / f"{SPARSE_PARTS[-1]}.npy") as offsets:
            np.save(offsets, starts.astype(integer))

    def clear(self) -> None:
        """Remove the chunks."""
        for path in self.folder.glob(CHUNKS):
            path.unlink()


def _read(path: Path) -> sparse.csr_matrix[np.float32]:
    return sparse.csr_matrix(sparse.load_npz(path))
