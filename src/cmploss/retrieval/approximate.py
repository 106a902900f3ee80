"""Approximate search by faiss: fewer products for a dense index, and some of the best documents are missed."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from cmploss.atomic import writing
from cmploss.errors import UserError
from cmploss.retrieval.index import DOCUMENTS, DenseIndex, Found, Index, Scores
from cmploss.retrieval.optional import extra, read_faiss

Approximate = Literal["hnsw", "ivf"]
LINKS, BUILD_WIDTH, SEARCH_WIDTH = 32, 80, 128  # of HNSW
LISTS_READ = 1 / 32  # of IVF, which has 4·√N lists (faiss's advice is 4 to 16 times √N)
SAMPLES_OF_LIST = 64  # documents that its lists are learnt from
AGAIN = "remove it, and it is built again"


@dataclass(frozen=True, eq=False)
class FaissIndex(DenseIndex):
    """A dense index with the graph (HNSW) or the lists (IVF) of faiss, which find the best documents of most queries.

    Scores are inner products with the stored vectors. A query for which fewer than k documents are found is searched
    exactly.
    """

    engine: Any = field(kw_only=True)

    def _top(self, queries: Scores, k: int) -> Found:
        k = min(k, len(self.ids))
        wider = {"params": self._parameters(k)} if k > SEARCH_WIDTH and hasattr(self.engine, "hnsw") else {}
        scores, rows = self.engine.search(queries, k, **wider)
        short = np.flatnonzero((rows < 0).any(1))
        if len(short):
            scores[short], rows[short] = super()._top(np.ascontiguousarray(queries[short]), k)
        return self._in_order(scores, rows)

    def _parameters(self, k: int) -> Any:
        return extra("faiss").SearchParametersHNSW(efSearch=k)  # it finds at most so many documents


def approximate(
    index: Index, kind: Approximate, folder: str | Path, progress: Callable[[str], object] = lambda text: None
) -> FaissIndex:
    """The index with faiss's structure, which is built and kept in ``folder`` as ``hnsw.faiss`` or ``ivf.faiss``.

    Raises:
        UserError: The index is sparse, faiss is not installed, or the file is of another index.
    """
    if not isinstance(index, DenseIndex):
        raise UserError("--approximate is for dense indexes; leave it out")
    faiss = extra("faiss")
    path = Path(folder) / f"{kind}.faiss"
    if not path.exists():
        progress(f"building {path}")
        built = _built(faiss, index, kind)
        with writing(path) as file:
            faiss.write_index(built, faiss.PyCallbackIOWriter(file.write))
    engine = read_faiss(path, f"cannot be read by faiss; {AGAIN}")
    form, vectors = (faiss.IndexHNSWFlat, "storage") if kind == "hnsw" else (faiss.IndexIVFFlat, "quantizer")
    if not isinstance(engine, form) or not isinstance(faiss.downcast_index(getattr(engine, vectors)), faiss.IndexFlat):
        raise UserError(f"{path}: has no {form.__name__} of faiss; {AGAIN}")
    if (engine.ntotal, engine.d) != index.vectors.shape:
        raise UserError(f"{path}: is of another index; {AGAIN}")
    if kind == "hnsw":
        engine.hnsw.efSearch = SEARCH_WIDTH
    else:
        engine.nprobe = max(1, round(LISTS_READ * engine.nlist))
    return FaissIndex(index.vectors, index.ids, index.model, index.settings, engine=engine)


def _built(faiss: Any, index: DenseIndex, kind: Approximate) -> Any:
    count, width = index.vectors.shape
    if kind == "hnsw":
        engine = faiss.IndexHNSWFlat(width, LINKS, faiss.METRIC_INNER_PRODUCT)
        engine.hnsw.efConstruction = BUILD_WIDTH
    else:
        lists = max(1, min(round(4 * math.sqrt(count)), count // SAMPLES_OF_LIST))
        engine = faiss.IndexIVFFlat(faiss.IndexFlatIP(width), width, lists, faiss.METRIC_INNER_PRODUCT)
        chosen = np.sort(np.random.RandomState(0).permutation(count)[: SAMPLES_OF_LIST * lists])
        engine.train(index.rows(chosen))
    for start in range(0, count, DOCUMENTS):
        engine.add(index.rows(np.arange(start, min(start + DOCUMENTS, count))))
    return engine
