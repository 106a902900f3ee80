"""Exact search against a sort of all scores, with blocks so small that every step of the algorithm runs."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from scipy import sparse

from cmploss.errors import NotFiniteError, UserError
from cmploss.retrieval import DenseIndex, FaissIndex, SparseIndex, index as search, load_index
from cmploss.retrieval.index import stored, top_k


def names(size):
    return [f"d{row}" for row in range(size)]


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(search, "DOCUMENTS", 4)
    monkeypatch.setattr(search, "QUERIES", 2)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_the_best_scores_whatever_their_order_and_ties(data):
    queries, documents, k = (data.draw(st.integers(1, high)) for high in (4, 700, 300))
    values = st.integers(-3, 3) if data.draw(st.booleans()) else st.floats(-9, 9, width=32)
    seed = data.draw(st.integers(0, 99))
    pool = np.array(data.draw(st.lists(values, min_size=1, max_size=20)), dtype=np.float32)
    scores = np.random.default_rng(seed).choice(pool, size=(queries, documents))
    if data.draw(st.booleans()):
        scores = np.sort(scores)  # ascending: every block has better scores than the one before
    block = data.draw(st.integers(1, 60))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "DOCUMENTS", block)
        found, columns = top_k(lambda start, stop: scores[:, start:stop], queries, documents, k)
    expected = -np.sort(-scores)[:, :k]
    assert (found == expected).all()
    assert (np.take_along_axis(scores, columns, axis=1) == found).all()
    assert all(len(set(row)) == len(row) for row in columns.tolist())


def test_a_block_without_a_better_score_is_skipped(monkeypatch):
    monkeypatch.setattr(search, "DOCUMENTS", 100)
    sorts = []
    topk = torch.Tensor.topk
    monkeypatch.setattr(torch.Tensor, "topk", lambda *args, **options: sorts.append(1) or topk(*args, **options))
    falling = np.arange(1000, 0, -1, dtype=np.float32)[None]
    assert top_k(lambda start, stop: falling[:, start:stop], 1, 1000, 2)[1].tolist() == [[0, 1]]
    assert len(sorts) == 2  # of the first block, and of what is best so far
    rising = falling[:, ::-1].copy()
    assert top_k(lambda start, stop: rising[:, start:stop], 1, 1000, 2)[1].tolist() == [[999, 998]]
    assert len(sorts) == 2 + 20


def test_dense_search_is_a_sort_of_float32_products(small_blocks):
    draw = np.random.default_rng(0)
    vectors = draw.standard_normal((23, 5)).astype(np.float16)
    queries = draw.standard_normal((5, 5)).astype(np.float32)
    scores, rows = DenseIndex(vectors, names(23), "m").search(queries, 6)
    for query, found, places in zip(queries, scores, rows, strict=True):
        products = [sum(float(a) * float(b) for a, b in zip(query, vector, strict=True)) for vector in vectors]
        assert places.tolist() == sorted(range(23), key=lambda row: -products[row])[:6]
        assert found == pytest.approx([products[row] for row in places], abs=1e-5)
    assert (scores.dtype, rows.dtype) == (np.float32, np.int64)


def test_products_are_not_rounded_to_half_precision():
    vectors = np.array([[1, 0], [1, 2**-10]], dtype=np.float16)
    scores, _ = DenseIndex(vectors, names(2), "m").search(np.array([[1, 1]], dtype=np.float32), 2)
    assert scores.tolist() == [[1 + 2**-10, 1.0]]
    assert DenseIndex(vectors, names(2), "m").search(np.array([[2048, 1]], dtype=np.float32), 2)[0].tolist() == [
        [2048 + 2**-10, 2048.0]
    ]  # in half precision both would be 2048


def test_k_beyond_the_collection_gives_all_of_it():
    index = DenseIndex(np.eye(3, dtype=np.float16), names(3), "m")
    scores, rows = index.search(np.array([[3, 1, 2]], dtype=np.float32), 10)
    assert (scores.tolist(), rows.tolist()) == ([[3, 2, 1]], [[0, 2, 1]])


def test_sparse_search_finds_what_dense_search_finds(small_blocks):
    draw = np.random.default_rng(1)
    weights = (draw.random((30, 12)) * (draw.random((30, 12)) < 0.3)).astype(np.float16)
    queries = (draw.random((5, 12)) * (draw.random((5, 12)) < 0.5)).astype(np.float32)
    index = SparseIndex(sparse.csr_matrix(weights.astype(np.float32)), names(30), "m")
    dense = DenseIndex(weights, names(30), "m").search(queries, 4)
    found = index.search(queries, 4)
    assert found[0] == pytest.approx(dense[0], abs=1e-6)
    assert (found[1][found[0] > 0] == dense[1][found[0] > 0]).all()
    assert (found[0] > 0).sum() > 10


@pytest.mark.parametrize(
    ("queries", "k", "words"),
    [(np.ones((1, 4)), 1, r"shape \(1, 4\).*width 3"), (np.ones(3), 1, r"shape \(3,\)"), (np.ones((1, 3)), 0, "k=0")],
)
def test_queries_that_do_not_fit(queries, k, words):
    with pytest.raises(UserError, match=words):
        DenseIndex(np.eye(3, dtype=np.float16), names(3), "m").search(queries.astype(np.float32), k)


@pytest.mark.parametrize("queries", [0, 1, 5])
def test_any_number_of_queries(queries, monkeypatch):
    monkeypatch.setattr(search, "DOCUMENTS", 7)
    scores = np.random.default_rng(0).permutation(queries * 40).reshape(queries, 40).astype(np.float32)
    found, columns = top_k(lambda start, stop: scores[:, start:stop], queries, 40, 4)
    assert found.tolist() == [sorted(row, reverse=True)[:4] for row in scores.tolist()]
    assert np.take_along_axis(scores, columns, axis=1).tolist() == found.tolist()


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_ties_go_to_the_larger_id_wherever_they_stand(data):
    """Of dense and sparse search, in any order of the collection, at the end of the list and within it."""
    documents, k = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 12))
    values = data.draw(st.lists(st.integers(-1, 2), min_size=documents, max_size=documents))
    ids = data.draw(st.permutations([f"d{row}" for row in range(documents)]))
    queries = np.array([[1.0], [-2.0], [0.0]], dtype=np.float32)
    column = np.array(values, dtype=np.float16)[:, None]
    indexes = DenseIndex(column, ids, "m"), SparseIndex(sparse.csr_matrix(column.astype(np.float32)), ids, "m")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "DOCUMENTS", data.draw(st.integers(1, 9)))
        for index in indexes:
            scores, rows = index.search(queries, k)
            for query, found, places in zip(queries[:, 0], scores, rows, strict=True):
                order = sorted(range(documents), key=lambda row: (query * values[row], ids[row]), reverse=True)[:k]
                assert places.tolist() == order
                assert found.tolist() == [query * values[row] for row in order]


def test_what_is_not_finite_is_refused():
    """A row that is nan would be among the best of every query."""
    vectors = np.array([[1, 0], [np.nan, 0]], dtype=np.float16)
    with pytest.raises(NotFiniteError, match="documents"):
        DenseIndex(vectors, names(2), "m").search(np.ones((1, 2), dtype=np.float32), 1)
    with pytest.raises(NotFiniteError, match="query"):
        DenseIndex(vectors[:1], names(1), "m").search(np.full((1, 2), np.inf, dtype=np.float32), 1)
    with pytest.raises(NotFiniteError, match="65504"):
        stored(np.array([[7e4]]), "float16")


def test_a_query_that_approximate_search_finds_too_little_for_is_searched_exactly():
    vectors = np.random.default_rng(0).standard_normal((20, 3)).astype(np.float16)
    queries = np.random.default_rng(1).standard_normal((2, 3)).astype(np.float32)
    exact = DenseIndex(vectors, names(20), "m").search(queries, 4)

    class Engine:
        def search(self, asked, k):
            rows = exact[1][: len(asked), :k].copy()
            rows[1, 2:] = -1
            return exact[0][: len(asked), :k].copy(), rows

    found = FaissIndex(vectors, names(20), "m", engine=Engine()).search(queries, 4)
    assert found[1].tolist() == exact[1].tolist()


def test_token_weights_in_float64_are_searched_with_ties():
    weights = sparse.csr_matrix(np.eye(3))
    found, rows = SparseIndex(weights, ["a", "b", "c"], "by hand").search(np.array([[0, 1, 0]], dtype=np.float32), 3)
    assert (found.dtype, found.tolist(), rows.tolist()) == (np.float32, [[1.0, 0.0, 0.0]], [[1, 2, 0]])


def test_vectors_in_float64_are_kept_in_float32(tmp_path):
    vectors = np.random.default_rng(0).random((4, 3))
    DenseIndex(vectors, list("abcd"), "by hand").save(tmp_path / "index")
    np.testing.assert_array_equal(load_index(tmp_path / "index").vectors, vectors.astype(np.float32))


def test_one_vector_is_no_row():
    with pytest.raises(UserError, match=r"queries have the shape \(3,\); give rows, as in vector"):
        DenseIndex(np.eye(3, dtype=np.float32), list("abc"), "by hand").search(np.ones(3, dtype=np.float32), 2)
