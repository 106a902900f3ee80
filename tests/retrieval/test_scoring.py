"""Scores by hand."""

import math

import ir_measures
import pytest
from hypothesis import given, strategies as st

from cmploss.errors import UserError
from cmploss.retrieval import read_measures, relevant_queries, score_run
from cmploss.retrieval.ranking_measures import measure_of

QRELS = {"q": {"a": 3, "b": 1, "c": 2, "z": 0}, "none": {"a": 1}}
RUN = {"q": {"x": 5.0, "b": 4.0, "c": 3.0, "a": 2.0}}  # grades in order: –, 1, 2, 3


def test_measures_by_hand():
    scores = score_run(RUN, QRELS)
    gain = 1 / math.log2(3) + 2 / math.log2(4) + 3 / math.log2(5)
    ideal = 3 / math.log2(2) + 2 / math.log2(3) + 1 / math.log2(4)
    assert scores["nDCG@10"].tolist() == pytest.approx([gain / ideal, 0])
    assert scores["RR@10"].tolist() == [1 / 2, 0]
    assert scores["AP"].tolist() == pytest.approx([(1 / 2 + 2 / 3 + 3 / 4) / 3, 0])
    assert scores["R@100"].tolist() == scores["R@1000"].tolist() == [1, 0]


def test_the_level_moves_all_but_the_graded_measure():
    scores = score_run(RUN, QRELS, level=2)
    assert scores["nDCG@10"][0] == score_run(RUN, QRELS)["nDCG@10"][0]
    assert scores["RR@10"][0] == pytest.approx(1 / 3)
    assert scores["AP"][0] == pytest.approx((1 / 3 + 2 / 4) / 2)


def test_measures_in_the_notation_of_ir_measures():
    """At level 2 a and c are relevant, at place 4 and 3; what a name says itself is not changed."""
    measures = read_measures(" P@3, AP(rel=1),AP,AP(rel=2), P(rel=1)@3,P@3,nDCG@10")
    assert measures == ("P@3", "AP(rel=1)", "AP", "AP(rel=2)", "P(rel=1)@3", "nDCG@10")
    scores = score_run(RUN, QRELS, 2, measures)
    assert tuple(scores) == measures
    assert scores["P@3"].tolist() == pytest.approx([1 / 3, 0])
    assert scores["P(rel=1)@3"].tolist() == pytest.approx([2 / 3, 0])
    assert scores["AP(rel=1)"][0] == pytest.approx((1 / 2 + 2 / 3 + 3 / 4) / 3)
    assert scores["AP"][0] == scores["AP(rel=2)"][0] == pytest.approx((1 / 3 + 2 / 4) / 2)
    assert scores["nDCG@10"][0] == score_run(RUN, QRELS)["nDCG@10"][0]


@pytest.mark.parametrize(
    ("name", "measure"),
    [
        ("nDCG@10", ir_measures.nDCG @ 10),
        ("AP", ir_measures.AP),
        ("P(rel=2,judged_only=True)@5", ir_measures.P(rel=2, judged_only=True) @ 5),
        ("nDCG(dcg='exp-log2')@3", ir_measures.nDCG(dcg="exp-log2") @ 3),
        ("SetF(beta=0.5)", ir_measures.SetF(beta=0.5)),
        ("nDCG(gains={0:-1,1:2})@5", ir_measures.nDCG(gains={0: -1, 1: 2}) @ 5),
    ],
)
def test_names_are_read_as_by_ir_measures(name, measure):
    assert read_measures(name) == (name,)
    found = measure_of(name, 1)
    assert (type(found), {**measure.params, **found.params}) == (type(measure), found.params)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nDCG@10,ndcg@5", "--measures 'ndcg@5' is unknown; did you mean NDCG[?] give measures of ir_measures"),
        ("best", "--measures 'best' is unknown; give measures of ir_measures joined by commas, as in nDCG@10"),
        ("", "--measures '' is unknown"),
        *((name, "is unknown") for name in ("P@0", "P@-1", "P@True", "R@0", "nDCG@-5", "RR@-1", "nDCG@2000000")),
        *((f"{name}(rel={level})", "is unknown") for name in ("AP", "Rprec") for level in (0, -1, 99999999999)),
        ("nDCG@ten", "--measures 'nDCG@ten' is unknown"),
        ("AP(rel=2", r"--measures 'AP\(rel=2' is unknown"),
        ("AP(level=2)", r"--measures 'AP\(level=2\)' is unknown"),
        ("AP(rel='x')", "is unknown"),
        ("P@5(rel=2)", "is unknown"),
        ("(" * 10_000, r"--measures '\({80}' is unknown"),
        ("-" * 100_000 + "1", r"--measures '-{80}' is unknown"),
        ("__import__('os')", "is unknown"),
        ("NumRet", "--measures NumRet cannot be computed here, or is no mean over queries"),
        ("alpha_nDCG@10", "alpha_nDCG@10 cannot be computed here"),
    ],
)
def test_unknown_measures(text, message):
    with pytest.raises(UserError, match=message):
        read_measures(text)


def test_recall_is_cut():
    run = {"q": {f"d{place}": 2000.0 - place for place in range(1500)}}
    qrels = {"q": {"d99": 1, "d100": 1, "d999": 1, "d1000": 1}}
    scores = score_run(run, qrels)
    assert (scores["R@100"][0], scores["R@1000"][0]) == (1 / 4, 3 / 4)


def test_queries_without_relevant_documents_are_left_out():
    qrels = {"p": {"a": 1}, "q": {"a": 2}, "r": {}}
    assert list(relevant_queries(qrels, 1)) == ["p", "q"]
    assert list(relevant_queries(qrels, 2)) == ["q"]
    with pytest.raises(UserError, match="--relevance_level 3"):
        relevant_queries(qrels, 3)


@given(st.lists(st.integers(0, 2), min_size=2, max_size=8), st.sets(st.integers(0, 7), min_size=1))
def test_every_measure_breaks_ties_by_the_larger_id(scores, relevant):
    """The same measures of a run without ties in that order, by ids as text: 10 comes before 9."""
    documents = [f"{8 + row}" for row in range(len(scores))]
    qrels = {"q": {f"{8 + row}": 1 for row in relevant}}
    tied = dict(zip(documents, map(float, scores), strict=True))
    order = sorted(documents, key=lambda document: (tied[document], document))
    untied = {document: float(place) for place, document in enumerate(order)}
    found, expected = score_run({"q": tied}, qrels), score_run({"q": untied}, qrels)
    assert {name: of.tolist() for name, of in found.items()} == {name: of.tolist() for name, of in expected.items()}
