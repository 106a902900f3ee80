"""Indexes: vectors of documents on disk, with the ids of their rows and the model that made them; exact search."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse

from cmploss.atomic import write_json, write_text, writing
from cmploss.errors import NotFiniteError, UserError
from cmploss.inference import tell
from cmploss.retrieval.encoder_config import Kind, VectorType

INDEX_FILE, IDS_FILE, VECTORS_FILE = "index.json", "ids.txt", "vectors.npy"
SPARSE_FILES = ("data", "indices", "indptr")
QUERIES = 1024  # per search; with DOCUMENTS it bounds the scores that are in memory
DOCUMENTS = 8192

Scores = NDArray[np.float32]
Found = tuple[Scores, NDArray[np.int64]]
"""Scores ``(Q, k)`` in descending order, and the rows of the index that they belong to."""


@dataclass(frozen=True, eq=False)
class Index(ABC):
    """Vectors of documents ``(N, H)``, searched exactly by inner product.

    ``settings`` are those of the encoder ``model``, which determine the vectors. An index of another tool may have
    none.
    """

    kind: ClassVar[Kind]
    vectors: Any
    ids: list[str]
    model: str
    settings: dict[str, Any] = field(default_factory=dict)

    def save(self, path: str | Path) -> None:
        """Write the vectors, ``ids.txt`` and ``index.json`` into a new or empty folder."""
        folder = Path(path)
        check_new(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._write(folder)
        write_ids(folder, self.ids)
        write_json(folder / INDEX_FILE, index_entry(self.kind, self.model, self.settings, self.vectors.shape))

    def search(self, queries: NDArray[np.float32], k: int) -> Found:
        """The k documents with the largest inner products with queries ``(Q, H)``, computed in float32.

        Returns scores ``(Q, min(k, N))`` float32 in descending order, and rows of the same shape, int64. Of equal
        scores the larger document id comes first, as in trec_eval.

        >>> index = DenseIndex(np.eye(3, dtype=np.float16), ["a", "b", "c"], "by hand")
        >>> index.search(np.array([[0.1, 0.5, 0.3]], dtype=np.float32), 2)[1]
        array([[1, 2]])
        """
        width = self.vectors.shape[1]
        if queries.ndim != 2:
            raise UserError(f"queries have the shape {queries.shape}; give rows, as in vector[None] for one query")
        if queries.shape[1] != width:
            raise UserError(
                f"queries of shape {queries.shape} do not fit an index of width {width}; use its own encoder"
            )
        if k < 1:
            raise UserError(f"k must be >= 1, got k={k}")
        if not np.isfinite(queries).all():
            raise NotFiniteError("query vectors are not finite")
        found = []
        for start in range(0, max(len(queries), 1), QUERIES):
            block = np.ascontiguousarray(queries[start : start + QUERIES], dtype=np.float32)
            found.append(self._top(block, k))
            tell(len(block) / max(len(queries), 1))
        scores, rows = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
        return scores, rows

    def _top(self, queries: Scores, k: int) -> Found:
        count = len(self.ids)
        scores, rows = top_k(self._scores(queries), len(queries), count, k + 1)  # one more, to see a tie at the end
        if not np.isfinite(scores).all():
            raise NotFiniteError(f"vectors of documents of the index of {self.model} are not finite")
        if k < count:
            (tied,) = np.nonzero(scores[:, k - 1] == scores[:, k])
            if len(tied):
                again = self._scores(np.ascontiguousarray(queries[tied]))
                found = top_k(again, len(tied), count, k, ranks=self._ranks)
                scores[tied, :k], rows[tied, :k] = found
        return self._in_order(scores[:, :k], rows[:, :k])

    def _in_order(self, scores: Scores, rows: NDArray[np.int64]) -> Found:
        """Results in descending order, with equal scores in the descending order of the ids."""
        for query in np.flatnonzero((scores[:, 1:] == scores[:, :-1]).any(1)):
            rows[query] = rows[query][np.lexsort((-self._ranks[rows[query]], -scores[query]))]
        return scores, rows

    @cached_property
    def _ranks(self) -> NDArray[np.int64]:
        """The rank of every row in the ascending order of the ids."""
        ranks = np.empty(len(self.ids), dtype=np.int64)
        ranks[np.argsort(np.array(self.ids, dtype=object), kind="stable")] = np.arange(len(self.ids))
        return ranks

    @abstractmethod
    def rows(self, chosen: NDArray[np.int64]) -> NDArray[np.float32]:
        """Vectors of these rows: ``(…)`` to ``(…, H)`` float32, dense for both kinds of index."""

    @classmethod
    @abstractmethod
    def _read(cls, folder: Path, shape: tuple[int, int]) -> Any: ...

    @abstractmethod
    def _write(self, folder: Path) -> None: ...

    @abstractmethod
    def _scores(self, queries: Scores) -> Callable[[int, int], Scores]: ...


class DenseIndex(Index):
    """Vectors ``(N, H)`` float16 or float32, an array or a memory map of ``vectors.npy``."""

    kind = "dense"

    def rows(self, chosen: NDArray[np.int64]) -> NDArray[np.float32]:
        return np.asarray(self.vectors[chosen], dtype=np.float32)

    @classmethod
    def _read(cls, folder: Path, shape: tuple[int, int]) -> Any:
        vectors = np.load(folder / VECTORS_FILE, mmap_mode="c")  # torch does not accept read-only arrays
        if vectors.shape != shape or str(vectors.dtype) not in get_args(VectorType):
            raise UserError(f"{folder}: {VECTORS_FILE} and {IDS_FILE} do not belong together; build the index again")
        return vectors

    def _write(self, folder: Path) -> None:
        with writing(folder / VECTORS_FILE) as file:
            np.save(file, stored(self.vectors, "float16" if self.vectors.dtype == np.float16 else "float32"))

    def _scores(self, queries: Scores) -> Callable[[int, int], Scores]:
        left = torch.from_numpy(queries)
        memory = torch.empty(0)  # of the scores, for every block

        def scores_of(start: int, stop: int) -> Scores:
            right = torch.from_numpy(self.vectors[start:stop]).float()
            return torch.mm(left, right.T, out=memory.resize_(len(left), len(right))).numpy()

        return scores_of


class SparseIndex(Index):
    """Token weights ``(N, V)``, a float32 CSR matrix in ``data.npy``, ``indices.npy`` and ``indptr.npy``."""

    kind = "sparse"

    def rows(self, chosen: NDArray[np.int64]) -> NDArray[np.float32]:
        found: NDArray[np.float32] = self.vectors[chosen.ravel()].toarray()
        return found.reshape(*chosen.shape, self.vectors.shape[1])

    @classmethod
    def _read(cls, folder: Path, shape: tuple[int, int]) -> Any:
        files = tuple(np.load(folder / f"{name}.npy", mmap_mode="r") for name in SPARSE_FILES)
        return sparse.csr_matrix(files, shape=shape, copy=False)

    def _write(self, folder: Path) -> None:
        for name in SPARSE_FILES:
            with writing(folder / f"{name}.npy") as file:
                np.save(file, getattr(self.vectors, name))

    def _scores(self, queries: Scores) -> Callable[[int, int], Scores]:
        right = np.ascontiguousarray(queries.T)  # once: scipy would copy it for every block
        return lambda start, stop: (self.vectors[start:stop] @ right).T


def load_index(path: str | Path) -> Index:
    """Open a finished index of either kind without reading its vectors."""
    folder = Path(path)
    entry = read_entry(folder)
    if entry["encoded"] < entry["documents"]:
        done = f"{entry['encoded']} of {entry['documents']} documents"
        raise UserError(f"{folder}: only {done} are encoded; run cmploss retrieve index again to continue")
    kind: type[Index] = SparseIndex if entry["kind"] == "sparse" else DenseIndex
    try:
        ids = (folder / IDS_FILE).read_text(encoding="utf-8").split("\n")[:-1]
        if len(ids) != entry["documents"]:
            raise UserError(f"{folder}: {IDS_FILE} and {INDEX_FILE} do not belong together; build the index again")
        vectors = kind._read(folder, (len(ids), entry["width"]))
    except UserError:
        raise
    except Exception as error:  # numpy's parser of headers raises errors of many kinds
        raise UserError(f"{folder}: has missing or damaged files ({error}); build the index again") from error
    return kind(vectors, ids, entry["model"], entry["settings"])


def check_new(folder: Path) -> None:
    """Refuse a folder that has something in it."""
    if folder.exists() and (folder.is_file() or any(folder.iterdir())):
        raise UserError(f"{folder}: is not empty; choose another folder for the index")


def index_entry(kind: str, model: str, settings: dict[str, Any], shape: tuple[int, ...]) -> dict[str, Any]:
    size = {"documents": shape[0], "width": shape[1], "encoded": shape[0]}
    return {"kind": kind, **size, "model": model, "settings": settings}


def write_ids(folder: Path, ids: Sequence[str]) -> None:
    write_text(folder / IDS_FILE, (f"{key}\n" for key in ids))


def read_entry(folder: Path) -> dict[str, Any]:
    try:
        entry: dict[str, Any] = json.loads((folder / INDEX_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{folder}: contains no index; make one with cmploss retrieve index") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{folder / INDEX_FILE}: is not JSON; build the index again") from error
    kinds = {"kind": str, "documents": int, "width": int, "encoded": int, "model": str, "settings": dict}
    if not isinstance(entry, dict) or not all(isinstance(entry.get(name), kind) for name, kind in kinds.items()):
        raise UserError(f"{folder / INDEX_FILE}: lacks one of {', '.join(kinds)}; build the index again")
    return entry


def stored(vectors: NDArray[Any], dtype: VectorType = "float16") -> NDArray[Any]:
    """Vectors as they are stored.

    Raises:
        NotFiniteError: A number is not finite, or larger than the type can store.
    """
    with np.errstate(over="ignore"):
        found = np.asarray(vectors, dtype=dtype)
    if not np.isfinite(found).all():
        raise NotFiniteError(f"vectors have numbers that are not finite or above {np.finfo(dtype).max:.6g}")
    return found


def top_k(
    scores_of: Callable[[int, int], Scores],
    queries: int,
    documents: int,
    k: int,
    ranks: NDArray[np.int64] | None = None,
) -> Found:
    """The best ``min(k, documents)`` scores of each query, in descending order, and their columns.

    ``scores_of(start, stop)`` gives the scores ``(queries, stop − start)`` of those documents, and may reuse its
    memory. Once k scores are known, the k-th is a threshold: a block in which no score is higher is skipped. Ties are
    broken by the larger of ``ranks`` ``(documents,)``, or without them arbitrarily.

    >>> scores = np.array([[0.1, 0.9, 0.5]], dtype=np.float32)
    >>> top_k(lambda start, stop: scores[:, start:stop], 1, 3, 2)[1]
    array([[1, 2]])
    """
    k = min(k, documents)
    best = torch.empty(queries, 0, dtype=torch.float32 if ranks is None else torch.int64)
    columns = torch.empty(queries, 0, dtype=torch.int64)
    for start in range(0, documents, DOCUMENTS):
        stop = min(start + DOCUMENTS, documents)
        scores = torch.from_numpy(scores_of(start, stop)).float()  # of token weights in float64 too
        if ranks is not None:
            scores = _keys(scores, torch.from_numpy(ranks[start:stop]))
        if best.shape[1] == k and not (scores > best[:, -1:]).any():
            continue
        found, place = scores.topk(min(k, scores.shape[1]), dim=1)
        best, columns = torch.cat([best, found], dim=1), torch.cat([columns, place + start], dim=1)
        best, order = best.topk(min(k, best.shape[1]), dim=1)
        columns = columns.gather(1, order)
    return best.numpy() if ranks is None else _scores_of(best), columns.numpy()


def _keys(scores: torch.Tensor, ranks: torch.Tensor) -> torch.Tensor:
    """Scores ``(Q, N)`` float32 as int64 in the same order, with equal scores in the order of their ranks ``(N,)``."""
    bits = (scores + 0.0).view(torch.int32).long()  # + 0.0 makes −0 0
    return (torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits) << 32) | ranks


def _scores_of(keys: torch.Tensor) -> Scores:
    bits = keys >> 32
    found: Scores = torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits).int().view(torch.float32).numpy()
    return found
