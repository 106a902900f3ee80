"""Feedback without training: arithmetic by hand, and what the methods are given."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from cmploss.errors import UserError
from cmploss.retrieval import (
    DenseIndex,
    SparseIndex,
    average_feedback,
    feedback_methods as feedback,
    rocchio_feedback,
    vector_feedback,
)
from cmploss.retrieval.feedback_methods import revise

QUERY = np.array([[1.0, 2.0]], dtype=np.float32)
PASSAGES = np.array([[[3.0, 0.0], [5.0, 1.0]]], dtype=np.float32)


def test_average_is_the_mean_of_query_and_passages():
    assert average_feedback(QUERY, PASSAGES).tolist() == [[(1 + 3 + 5) / 3, (2 + 0 + 1) / 3]]
    assert average_feedback(QUERY, PASSAGES[:, :0]).tolist() == QUERY.tolist()


def test_rocchio_weighs_query_and_passages():
    found = rocchio_feedback(QUERY, PASSAGES, alpha=0.5, beta=2)
    assert found == pytest.approx(np.array([[0.5 + 2 * 4, 0.5 * 2 + 2 * 0.5]]))
    assert rocchio_feedback(QUERY, PASSAGES) == pytest.approx(np.array([[0.4 + 0.6 * 4, 0.8 + 0.6 * 0.5]]))


def test_rocchio_without_passages_keeps_the_direction():
    assert rocchio_feedback(QUERY, PASSAGES[:, :0]) == pytest.approx(0.4 * QUERY)


def test_a_method_gets_the_vectors_of_the_first_k_passages():
    vectors = np.array([[1, 0], [0, 1], [2, 2]], dtype=np.float16)
    index = DenseIndex(vectors, ["a", "b", "c"], "m")
    queries = np.array([[1.0, 0.0], [0.0, 3.0]], dtype=np.float32)
    first = index.search(queries, 3)
    assert first[1][:, :2].tolist() == [[2, 0], [2, 1]]
    revised = revise(vector_feedback(average_feedback, index), ["x", "y"], queries, first, 2)
    assert revised == pytest.approx(np.array([[(1 + 2 + 1) / 3, 2 / 3], [2 / 3, (3 + 2 + 1) / 3]]))
    assert revised.dtype == np.float32


def test_it_gets_them_of_a_sparse_index_too(monkeypatch):
    """In blocks of two queries, the second block of one."""
    monkeypatch.setattr(feedback, "BLOCK", 2)
    vectors = np.array([[1, 0, 0], [0, 1, 0], [2, 2, 0]], dtype=np.float32)
    index = SparseIndex(csr_matrix(vectors), ["a", "b", "c"], "m")
    queries = np.array([[1, 0, 0], [0, 3, 0], [0, 0, 1]], dtype=np.float32)
    first = (np.zeros((3, 2), dtype=np.float32), np.array([[2, 0], [2, 1], [1, 0]]))
    revised = vector_feedback(average_feedback, index)(["x"] * 3, queries, first, 2)
    assert revised == pytest.approx(np.array([[4, 2, 0], [2, 6, 0], [1, 1, 1]]) / 3)
    assert vector_feedback(average_feedback, index)(["x"] * 3, queries, first, 0).tolist() == queries.tolist()


def test_no_more_feedback_than_the_first_pass_found():
    first = (np.ones((1, 2), dtype=np.float32), np.array([[0, 1]]))
    with pytest.raises(UserError, match="k must be from 0 to 2, the passages of the first pass, got 3"):
        revise(lambda texts, vectors, first, k: vectors, ["x"], QUERY, first, 3)
