"""First-pass retrieval: collections, vectors, exact search, BM25, feedback without training, evaluation."""

from cmploss.retrieval.encoder import Encoder, EncoderConfig, load_encoder
from cmploss.retrieval.index import DenseIndex, SparseIndex
from cmploss.retrieval.indexing import build_index, check_encoder
from cmploss.retrieval.texts import Texts, read_documents, read_queries

__all__ = [
    "DenseIndex",
    "Encoder",
    "EncoderConfig",
    "SparseIndex",
    "Texts",
    "build_index",
    "check_encoder",
    "load_encoder",
    "read_documents",
    "read_queries",
]
