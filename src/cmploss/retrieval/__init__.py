"""Retrieval: collections, vectors, exact search, BM25, feedback with and without training, evaluation."""

from cmploss.retrieval.bm25 import bm25_run
from cmploss.retrieval.encoder import Encoder, EncoderConfig, load_encoder
from cmploss.retrieval.evaluation import MEASURES, PRIMARY, relevant_queries, run_of, score_run, share_hurt
from cmploss.retrieval.experiment import Row, evaluate_feedback, more_feedback, over_seeds, record_rows
from cmploss.retrieval.feedback import FORMULAS, Feedback, average_feedback, rocchio_feedback, vector_feedback
from cmploss.retrieval.fit import train_reformulator
from cmploss.retrieval.index import DenseIndex, Index, SparseIndex, load_index
from cmploss.retrieval.indexing import build_index, encoder_of, texts_fingerprint
from cmploss.retrieval.initial import dense_reformulator, sparse_reformulator
from cmploss.retrieval.reformulators import DenseReformulator, Reformulator, SparseReformulator, SparseSettings
from cmploss.retrieval.revisions import FeedbackCollator, FeedbackConfig, FeedbackDataset, FeedbackReader
from cmploss.retrieval.seeds import TrainedMethod, trained_methods
from cmploss.retrieval.sparse_encoder import SparseEncoder, SparseEncoderConfig, load_sparse_encoder
from cmploss.retrieval.task import FeedbackRun, FeedbackTask, ReformulatorConfig, check_documents
from cmploss.retrieval.texts import Texts, read_documents, read_queries
from cmploss.retrieval.trained import TrainedFeedback
from cmploss.retrieval.training import RankedQueries, ReformulationLoss, ranked_queries
from cmploss.retrieval.trec import Qrels, Run, check_qrels, read_qrels, read_run, write_qrels, write_run

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
    "FeedbackRun",
    "FeedbackTask",
    "Index",
    "Qrels",
    "RankedQueries",
    "ReformulationLoss",
    "Reformulator",
    "ReformulatorConfig",
    "Row",
    "Run",
    "SparseEncoder",
    "SparseEncoderConfig",
    "SparseIndex",
    "SparseReformulator",
    "SparseSettings",
    "Texts",
    "TrainedFeedback",
    "TrainedMethod",
    "average_feedback",
    "bm25_run",
    "build_index",
    "check_documents",
    "check_qrels",
    "dense_reformulator",
    "encoder_of",
    "evaluate_feedback",
    "load_encoder",
    "load_index",
    "load_sparse_encoder",
    "more_feedback",
    "over_seeds",
    "ranked_queries",
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
    "sparse_reformulator",
    "texts_fingerprint",
    "train_reformulator",
    "trained_methods",
    "vector_feedback",
    "write_qrels",
    "write_run",
]
