"""Retrieval: corpora, vectors, exact search, BM25, feedback methods without training, TREC files, scores by query."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.retrieval.bm25 import bm25_run
    from cmploss.retrieval.corpus import Texts, read_documents, read_queries
    from cmploss.retrieval.encoder import Encoder, EncoderConfig, load_encoder
    from cmploss.retrieval.feedback_methods import (
        FORMULAS,
        Feedback,
        average_feedback,
        rocchio_feedback,
        vector_feedback,
    )
    from cmploss.retrieval.index import DenseIndex, Index, SparseIndex, load_index
    from cmploss.retrieval.index_builder import build_index, encoder_of, texts_fingerprint
    from cmploss.retrieval.initial_reformulator import dense_reformulator, sparse_reformulator
    from cmploss.retrieval.reformulators import DenseReformulator, Reformulator, SparseReformulator, SparseSettings
    from cmploss.retrieval.revisions import FeedbackCollator, FeedbackConfig, FeedbackDataset, FeedbackReader
    from cmploss.retrieval.scoring import MEASURES, PRIMARY, relevant_queries, run_of, score_run, share_hurt
    from cmploss.retrieval.sparse_encoder import SparseEncoder, SparseEncoderConfig, load_sparse_encoder
    from cmploss.retrieval.trec_files import Qrels, Run, check_qrels, read_qrels, read_run, write_qrels, write_run

__all__ = [
    "FORMULAS",
    "MEASURES",
    "PRIMARY",
    "DenseIndex",
    "DenseReformulator",
    "Encoder",
    "EncoderConfig",
    "Feedback",
    "FeedbackCollator",
    "FeedbackConfig",
    "FeedbackDataset",
    "FeedbackReader",
    "Index",
    "Qrels",
    "Reformulator",
    "Run",
    "SparseEncoder",
    "SparseEncoderConfig",
    "SparseIndex",
    "SparseReformulator",
    "SparseSettings",
    "Texts",
    "average_feedback",
    "bm25_run",
    "build_index",
    "check_qrels",
    "dense_reformulator",
    "encoder_of",
    "load_encoder",
    "load_index",
    "load_sparse_encoder",
    "read_documents",
    "read_qrels",
    "read_queries",
    "read_run",
    "relevant_queries",
    "rocchio_feedback",
    "run_of",
    "score_run",
    "share_hurt",
    "sparse_reformulator",
    "texts_fingerprint",
    "vector_feedback",
    "write_qrels",
    "write_run",
]

import_when_used(__name__)
