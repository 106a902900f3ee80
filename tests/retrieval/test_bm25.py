"""BM25 against its formula, term by term."""

import math

import pytest

from cmploss.errors import UserError
from cmploss.retrieval import Texts, bm25_run

pytest.importorskip("Stemmer", reason="PyStemmer of the extra 'retrieval' is not installed")

DOCUMENTS = Texts("d", ["a", "b", "c", "e"], ["lamps lamp door", "the lamp was bright", "door hub hub", ""])
TERMS = [["lamp", "lamp", "door"], ["lamp", "bright"], ["door", "hub", "hub"], []]  # stemmed, without stopwords


def by_hand(query, k1, b):
    mean = sum(map(len, TERMS)) / len(TERMS)
    scores = {}
    for key, terms in zip(DOCUMENTS.ids, TERMS, strict=True):
        score = 0.0
        for term in query:
            frequency = sum(term in other for other in TERMS)
            idf = math.log(1 + (len(TERMS) - frequency + 0.5) / (frequency + 0.5))
            count = terms.count(term)
            score += idf * count / (count + k1 * (1 - b + b * len(terms) / mean))
        if score > 0:
            scores[key] = score
    return scores


@pytest.mark.parametrize("settings", [{}, {"k1": 1.2, "b": 0.75}])
def test_scores_are_those_of_the_formula(settings):
    queries = Texts("q", ["q1", "q2"], ["the lamps", "Door of bright hubs"])
    run = bm25_run(DOCUMENTS, queries, 10, **settings)
    k1, b = settings.get("k1", 0.9), settings.get("b", 0.4)
    assert run["q1"] == pytest.approx(by_hand(["lamp"], k1, b), rel=1e-5)
    assert run["q2"] == pytest.approx(by_hand(["door", "bright", "hub"], k1, b), rel=1e-5)
    assert list(run["q2"].values()) == sorted(run["q2"].values(), reverse=True)


def test_a_query_of_unknown_words_finds_nothing_and_k_cuts():
    run = bm25_run(DOCUMENTS, Texts("q", ["q1", "q2"], ["xylophone", "lamp"]), 1)
    assert run["q1"] == {}
    assert list(run["q2"]) == ["a"]


def test_documents_without_words_are_refused():
    with pytest.raises(UserError, match="d: no document has a word"):
        bm25_run(Texts("d", ["a", "b"], ["the", "of a"]), Texts("q", ["q"], ["lamp"]), 2)
