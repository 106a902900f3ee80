"""BM25, the lexical baseline, by bm25s."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cmploss.errors import UserError
from cmploss.retrieval.corpus import Texts
from cmploss.retrieval.optional import extra
from cmploss.retrieval.trec_files import Run, best_first

K1, B = 0.9, 0.4  # of Anserini's BM25 baselines (Yang, Fang and Lin 2017)


def bm25_run(documents: Texts, queries: Texts, k: int, *, k1: float = K1, b: float = B) -> Run:
    """The best k documents of each query by BM25, in descending order; only documents that share a term.

    Of equal scores the larger document id comes first, as in trec_eval. Which of the documents with the k-th score are
    among the k is arbitrary.

    ``score(q, d) = Σ_t idf(t) · tf / (tf + k1 · (1 − b + b · |d| / mean |d|))`` with
    ``idf(t) = ln(1 + (N − df + ½) / (df + ½))``, which is Lucene's. Terms are lower-cased words of two or more
    characters, without English stopwords, stemmed by Porter's rules, as in Lucene's English analysis.
    """
    bm25s = extra("bm25s")
    retriever = bm25s.BM25(k1=k1, b=b, method="lucene")
    tokens = _tokens(bm25s, documents.texts)
    if not any(tokens):
        raise UserError(f"{documents.source}: no document has a word other than English stopwords; BM25 needs some")
    retriever.index(tokens, show_progress=False)
    rows, scores = retriever.retrieve(
        _tokens(bm25s, queries.texts), k=min(k, len(documents)), show_progress=False, n_threads=0
    )
    run = {
        query: {documents.ids[row]: float(score) for row, score in zip(*found, strict=True) if score > 0}
        for query, *found in zip(queries.ids, np.asarray(rows), np.asarray(scores), strict=True)
    }
    return {query: {name: found[name] for name in best_first(found)} for query, found in run.items()}


def _tokens(bm25s: Any, texts: Sequence[str]) -> list[list[str]]:
    stemmer = extra("Stemmer").Stemmer("porter")
    tokens: list[list[str]] = bm25s.tokenize(
        texts, stopwords="en", stemmer=stemmer, return_ids=False, show_progress=False
    )
    return tokens
