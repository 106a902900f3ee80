"""Indexes: vectors of documents on disk, memory-mapped, with the ids of their rows and the model that made them."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from cmploss.atomic import write_json, write_text, writing
from cmploss.errors import UserError
from cmploss.retrieval.exact_search import QUERIES, Found, Scores, inner_products, top_k, without

INDEX_FILE, IDS_FILE, VECTORS_FILE = "index.json", "ids.txt", "vectors.npy"
SPARSE_PARTS = ("data", "indices", "indptr")


@dataclass(frozen=True, eq=False)
class DenseIndex:
    """Vectors of documents, searched exactly by inner product.

    Attributes:
        vectors: ``(N, H)`` float16, an array or a memory map.
        ids: Ids of the documents, by row.
        model: Hub id or folder of the encoder that made the vectors.
        settings: What else decided the vectors: see :attr:`cmploss.retrieval.Encoder.settings`.
    """

    kind: ClassVar[str] = "dense"
    vectors: NDArray[np.float16]
    ids: list[str]
    model: str
    settings: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Open a finished index without reading its vectors.

        Raises:
            UserError: There is no dense index, it is not finished, or its files do not belong together.
        """
        folder, entry, ids = _open(Path(path), cls.kind)
        vectors = np.load(folder / VECTORS_FILE, mmap_mode="c")  # torch takes no array that is read-only
        if vectors.shape != (len(ids), entry["width"]) or vectors.dtype != np.float16:
            raise UserError(f"{folder}: {VECTORS_FILE} and {IDS_FILE} do not belong together; build the index again")
        return cls(vectors, ids, entry["model"], entry["settings"])

    def save(self, path: str | Path) -> None:
        """Write ``vectors.npy``, ``ids.txt`` and ``index.json`` into a new folder.

        Raises:
            UserError: There is something already.
        """
        folder = _new(Path(path))
        with writing(folder / VECTORS_FILE) as file:
            np.save(file, np.asarray(self.vectors, dtype=np.float16))
        write_ids(folder, self.ids)
        write_entry(folder, index_entry(self.kind, self.model, self.settings, self.vectors.shape))

    def search(self, queries: NDArray[np.float32], k: int, exclude: Sequence[Sequence[int]] | None = None) -> Found:
        """The k documents with the largest inner products, computed in float32.

        Args:
            queries: ``(Q, H)``.
            k: How many; at most all N are returned.
            exclude: For each query, rows to leave out.

        Returns:
            Scores ``(Q, min(k, N))`` float32 in descending order, and rows of the same shape, int64. Where ``exclude``
            leaves fewer documents, the score is −inf and the row −1.

        Raises:
            UserError: The queries have another width than the index, or k is not positive.

        Example:
            >>> index = DenseIndex(np.eye(3, dtype=np.float16), ["a", "b", "c"], "by hand")
            >>> index.search(np.array([[0.1, 0.5, 0.3]], dtype=np.float32), 2)[1]
            array([[1, 2]])
        """
        _check_search(queries, k, self.vectors.shape)

        def scores_of(part: Scores) -> Callable[[int, int], Scores]:
            return inner_products(self.vectors, part)

        return _search(scores_of, queries, len(self.ids), k, exclude)

    def rows(self, chosen: NDArray[np.int64]) -> NDArray[np.float32]:
        """Vectors of these rows: ``(…)`` to ``(…, H)`` float32."""
        return np.asarray(self.vectors[chosen], dtype=np.float32)


@dataclass(frozen=True, eq=False)
class SparseIndex:
    """Token weights of documents, searched exactly by inner product.

    Attributes:
        vectors: ``(N, V)`` CSR matrix, float32.
        ids: Ids of the documents, by row.
        model: Hub id or folder of the encoder that made the weights.
        settings: What else decided the weights: see :attr:`cmploss.retrieval.SparseEncoder.settings`; of weights that
            were made elsewhere, nothing needs to be known.
    """

    kind: ClassVar[str] = "sparse"
    vectors: sparse.csr_matrix[np.float32]
    ids: list[str]
    model: str
    settings: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Open an index; its parts stay on disk until they are read.

        Raises:
            UserError: There is no sparse index.
        """
        folder, entry, ids = _open(Path(path), cls.kind)
        parts = tuple(np.load(folder / f"{name}.npy", mmap_mode="r") for name in SPARSE_PARTS)
        vectors = sparse.csr_matrix(parts, shape=(len(ids), entry["width"]), copy=False)
        return cls(vectors, ids, entry["model"], entry["settings"])

    def save(self, path: str | Path) -> None:
        """Write ``data.npy``, ``indices.npy``, ``indptr.npy``, ``ids.txt`` and ``index.json`` into a new folder.

        Raises:
            UserError: There is something already.
        """
        folder = _new(Path(path))
        for name in SPARSE_PARTS:
            with writing(folder / f"{name}.npy") as file:
                np.save(file, getattr(self.vectors, name))
        write_ids(folder, self.ids)
        write_entry(folder, index_entry(self.kind, self.model, self.settings, self.vectors.shape))

    def search(self, queries: NDArray[np.float32], k: int, exclude: Sequence[Sequence[int]] | None = None) -> Found:
        """The k documents with the largest inner products; see :meth:`DenseIndex.search`, with queries ``(Q, V)``."""
        _check_search(queries, k, self.vectors.shape)

        def scores_of(part: Scores) -> Callable[[int, int], Scores]:
            right = np.ascontiguousarray(part.T)  # once: scipy would copy it for every block
            return lambda start, stop: (self.vectors[start:stop] @ right).T

        return _search(scores_of, queries, len(self.ids), k, exclude)

    def rows(self, chosen: NDArray[np.int64]) -> NDArray[np.float32]:
        """Vectors of these rows: ``(…)`` to ``(…, V)`` float32, which are not sparse any more."""
        return self.vectors[chosen.ravel()].toarray().reshape(*chosen.shape, self.vectors.shape[1])


Index = DenseIndex | SparseIndex
"""An index of either kind."""


def load_index(path: str | Path) -> Index:
    """Open an index of either kind.

    Raises:
        UserError: As :meth:`DenseIndex.load`.
    """
    sparse_one = read_entry(Path(path))["kind"] == "sparse"
    return SparseIndex.load(path) if sparse_one else DenseIndex.load(path)


def index_entry(kind: str, model: str, settings: dict[str, Any], shape: tuple[int, ...]) -> dict[str, Any]:
    """The content of ``index.json`` for a finished index of ``shape``."""
    documents, width = shape
    return {
        "kind": kind,
        "documents": documents,
        "width": width,
        "encoded": documents,
        "model": model,
        "settings": settings,
    }


def write_entry(folder: Path, entry: dict[str, Any]) -> None:
    """Write ``index.json``, whole or not at all."""
    write_json(folder / INDEX_FILE, entry)


def write_ids(folder: Path, ids: Sequence[str]) -> None:
    """Write ``ids.txt``, one id a line in the order of the rows."""
    write_text(folder / IDS_FILE, (f"{key}\n" for key in ids))


def read_entry(folder: Path) -> dict[str, Any]:
    """The content of ``index.json``.

    Raises:
        UserError: There is none, or it is damaged.
    """
    try:
        entry: dict[str, Any] = json.loads((folder / INDEX_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{folder}: holds no index; make one with cmploss retrieve index") from None
    except ValueError as error:
        raise UserError(f"{folder / INDEX_FILE}: is not JSON; build the index again") from error
    return entry


def _open(folder: Path, kind: str) -> tuple[Path, dict[str, Any], list[str]]:
    entry = read_entry(folder)
    if entry["kind"] != kind:
        raise UserError(f"{folder}: is a {entry['kind']} index, where a {kind} one is needed")
    if entry["encoded"] < entry["documents"]:
        done = f"{entry['encoded']} of {entry['documents']} documents"
        raise UserError(f"{folder}: only {done} are encoded; run cmploss retrieve index again to go on")
    ids = (folder / IDS_FILE).read_text(encoding="utf-8").split("\n")[:-1]
    if len(ids) != entry["documents"]:
        raise UserError(f"{folder}: {IDS_FILE} and {INDEX_FILE} do not belong together; build the index again")
    return folder, entry, ids


def _new(folder: Path) -> Path:
    if folder.exists() and (folder.is_file() or any(folder.iterdir())):
        raise UserError(f"{folder}: is not empty; choose another folder for the index")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _check_search(queries: NDArray[np.float32], k: int, shape: tuple[int, ...]) -> None:
    if queries.ndim != 2 or queries.shape[1] != shape[1]:
        raise UserError(f"queries of shape {queries.shape} do not fit an index of width {shape[1]}; use its own model")
    if k < 1:
        raise UserError(f"k={k} is out of range; give a whole number from 1")


def _search(
    scores_of: Callable[[Scores], Callable[[int, int], Scores]],
    queries: Scores,
    documents: int,
    k: int,
    exclude: Sequence[Sequence[int]] | None,
) -> Found:
    wanted = k + max((len(rows) for rows in exclude), default=0) if exclude is not None else k
    parts = [
        np.ascontiguousarray(queries[start : start + QUERIES], dtype=np.float32)
        for start in range(0, max(len(queries), 1), QUERIES)
    ]
    found = [top_k(scores_of(part), len(part), documents, wanted) for part in parts]
    scores, rows = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
    return (scores, rows) if exclude is None else without((scores, rows), exclude, min(k, documents))
