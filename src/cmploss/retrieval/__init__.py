"""Retrieval: corpora, encoders, indexes, exact search, BM25, feedback formulas, TREC files, scores per query."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.retrieval.approximate import FaissIndex, approximate
    from cmploss.retrieval.bm25 import bm25_run
    from cmploss.retrieval.corpus import Texts, read_documents, read_queries
    from cmploss.retrieval.encoder import load_encoder
    from cmploss.retrieval.encoder_config import EncoderConfig
    from cmploss.retrieval.feedback_methods import FORMULAS, average_feedback, rocchio_feedback, vector_feedback
    from cmploss.retrieval.index import DenseIndex, Index, SparseIndex, load_index
    from cmploss.retrieval.index_builder import (
        build_index,
        encoder_of,
        import_index,
        query_vectors,
        texts_fingerprint,
    )
    from cmploss.retrieval.scoring import MEASURES, relevant_queries, run_of, score_run
    from cmploss.retrieval.trec_files import Qrels, Run, check_qrels, read_qrels, read_run, write_qrels, write_run
    from cmploss.retrieval.vector_models import sparse_model

__all__ = [
    "FORMULAS",
    "MEASURES",
    "DenseIndex",
    "EncoderConfig",
    "FaissIndex",
    "Index",
    "Qrels",
    "Run",
    "SparseIndex",
    "Texts",
    "approximate",
    "average_feedback",
    "bm25_run",
    "build_index",
    "check_qrels",
    "encoder_of",
    "import_index",
    "load_encoder",
    "load_index",
    "query_vectors",
    "read_documents",
    "read_qrels",
    "read_queries",
    "read_run",
    "relevant_queries",
    "rocchio_feedback",
    "run_of",
    "score_run",
    "sparse_model",
    "texts_fingerprint",
    "vector_feedback",
    "write_qrels",
    "write_run",
]

import_when_used(__name__)
