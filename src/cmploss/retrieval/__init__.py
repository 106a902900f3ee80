"""Retrieval: corpora, encoders, indexes, exact search, BM25, feedback formulas, TREC files, scores per query."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.retrieval.approximate import FaissIndex as FaissIndex, approximate as approximate
    from cmploss.retrieval.bm25 import bm25_run as bm25_run
    from cmploss.retrieval.corpus import Texts as Texts, read_documents as read_documents, read_queries as read_queries
    from cmploss.retrieval.encoder import load_encoder as load_encoder
    from cmploss.retrieval.encoder_config import EncoderConfig as EncoderConfig
    from cmploss.retrieval.feedback_methods import (
        FORMULAS as FORMULAS,
        average_feedback as average_feedback,
        rocchio_feedback as rocchio_feedback,
        vector_feedback as vector_feedback,
    )
    from cmploss.retrieval.index import (
        DenseIndex as DenseIndex,
        Index as Index,
        SparseIndex as SparseIndex,
        load_index as load_index,
    )
    from cmploss.retrieval.index_builder import (
        build_index as build_index,
        encoder_of as encoder_of,
        import_index as import_index,
        query_vectors as query_vectors,
        texts_fingerprint as texts_fingerprint,
    )
    from cmploss.retrieval.ranking_measures import MEASURES as MEASURES, read_measures as read_measures
    from cmploss.retrieval.scoring import (
        relevant_queries as relevant_queries,
        run_of as run_of,
        score_run as score_run,
    )
    from cmploss.retrieval.trec_files import (
        Qrels as Qrels,
        Run as Run,
        check_qrels as check_qrels,
        read_qrels as read_qrels,
        read_run as read_run,
        write_qrels as write_qrels,
        write_run as write_run,
    )
    from cmploss.retrieval.vector_models import sparse_model as sparse_model

import_when_used(__name__)
