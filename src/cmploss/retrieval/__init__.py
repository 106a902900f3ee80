"""First-pass retrieval: collections, vectors, exact search, BM25, feedback without training, evaluation."""

from cmploss.retrieval.bm25 import bm25_run
from cmploss.retrieval.encoder import Encoder, EncoderConfig, load_encoder
from cmploss.retrieval.evaluation import MEASURES, PRIMARY, holm, relevant_queries, run_of, score_run, share_hurt
from cmploss.retrieval.experiment import Row, evaluate_feedback, record_rows
from cmploss.retrieval.feedback import FORMULAS, Feedback, average_feedback, rocchio_feedback, vector_feedback
from cmploss.retrieval.index import DenseIndex, SparseIndex
from cmploss.retrieval.indexing import build_index, encoder_of, texts_fingerprint
from cmploss.retrieval.texts import Texts, read_documents, read_queries
from cmploss.retrieval.trec import Qrels, Run, check_qrels, read_qrels, read_run, write_qrels, write_run

__all__ = [
    "FORMULAS",
    "MEASURES",
    "PRIMARY",
    "DenseIndex",
    "Encoder",
    "EncoderConfig",
    "Feedback",
    "Qrels",
    "Row",
    "Run",
    "SparseIndex",
    "Texts",
    "average_feedback",
    "bm25_run",
    "build_index",
    "check_qrels",
    "encoder_of",
    "evaluate_feedback",
    "holm",
    "load_encoder",
    "read_documents",
    "read_qrels",
    "read_queries",
    "read_run",
    "record_rows",
    "relevant_queries",
    "rocchio_feedback",
    "run_of",
    "score_run",
    "share_hurt",
    "texts_fingerprint",
    "vector_feedback",
    "write_qrels",
    "write_run",
]
