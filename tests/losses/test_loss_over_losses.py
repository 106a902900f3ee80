"""Reformulation losses against the formula written with one matrix of scores, and a double loop."""

from math import exp, log

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from scipy.sparse import csr_array, csr_matrix

from cmploss.losses import primary_loss, reformulation_losses

PASSAGES = [[1.0, 0.0], [0.0, 1.0], [2.0, 0.0]]


def by_one_matrix(vectors, relevant, passages, scale=1.0):
    """Cross-entropy over a whole matrix of scores from which all relevant passages but the hardest are masked."""
    losses = []
    for scores, rows in zip(scale * vectors @ passages.T, relevant.tolist(), strict=True):
        rows = [row for row in rows if row >= 0]
        target = min(rows, key=lambda row: scores[row].item())
        kept = [row for row in range(len(scores)) if row not in rows or row == target]
        losses.append(scores[kept].logsumexp(0) - scores[target])
    return torch.stack(losses)


def problem(count=50, width=4, batch=6, *, dtype=torch.float64, seed=0, whole=False):
    draw = torch.Generator().manual_seed(seed)
    numbers = (lambda *shape: torch.randint(-2, 3, shape, generator=draw).to(dtype)) if whole else None
    make = numbers or (lambda *shape: torch.randn(*shape, generator=draw, dtype=dtype))
    relevant = torch.full((batch, 3), -1)
    for row in relevant:
        size = int(torch.randint(1, min(count, 3) + 1, (), generator=draw))
        row[:size] = torch.randperm(count, generator=draw)[:size]
    return make(batch, width).requires_grad_(), relevant, make(count, width)


def gradient_of(losses, vectors):
    weights = torch.arange(1.0, len(losses) + 1, dtype=losses.dtype)
    return torch.autograd.grad((losses * weights).sum(), vectors)[0]


def test_values_by_hand():
    """Scores 1, 0, 2: with 1 and 2 relevant the target is 1 (score 0), and 2 is left out."""
    losses = reformulation_losses(
        torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.tensor([[1, -1], [2, 1]]), torch.tensor(PASSAGES)
    )
    assert losses.tolist() == pytest.approx([log(exp(1) + 1 + exp(2)), log(exp(1) + 1)])


def test_scale_multiplies_scores():
    found = reformulation_losses(torch.tensor([[0.5, 0.0]]), torch.tensor([[0]]), torch.tensor(PASSAGES), scale=3.0)
    assert found.item() == pytest.approx(log(exp(1.5) + 1 + exp(3)) - 1.5)


@pytest.mark.parametrize("block", [1, 7, 50, 1000])
@pytest.mark.parametrize("scale", [1.0, 2.5])
def test_blocks_are_the_one_matrix_formula(block, scale):
    vectors, relevant, passages = problem()
    expected = by_one_matrix(vectors, relevant, passages, scale)
    found = reformulation_losses(vectors, relevant, passages, scale=scale, block=block)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(gradient_of(found, vectors), gradient_of(expected, vectors), rtol=1e-11, atol=1e-12)


@given(
    count=st.integers(1, 9), batch=st.integers(1, 4), block=st.integers(1, 10), seed=st.integers(0, 999)
)  # whole numbers: many scores tie, and in a small matrix all passages may be relevant
def test_ties_and_small_matrices(count, batch, block, seed):
    vectors, relevant, passages = problem(count, 2, batch, seed=seed, whole=True)
    expected = by_one_matrix(vectors, relevant, passages)
    found = reformulation_losses(vectors, relevant, passages, block=block)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(gradient_of(found, vectors), gradient_of(expected, vectors))


def test_gradient_is_that_of_finite_differences():
    vectors, relevant, passages = problem(20, 3, 4)
    assert torch.autograd.gradcheck(lambda v: reformulation_losses(v, relevant, passages, block=6), (vectors,))


def test_nothing_but_relevant_passages_costs_nothing():
    vectors = torch.tensor([[1.0, -1.0]], requires_grad=True)
    losses = reformulation_losses(vectors, torch.tensor([[0, 1, 2]]), torch.tensor(PASSAGES), block=2)
    assert losses.item() == 0
    assert gradient_of(losses, vectors).tolist() == [[0, 0]]


def test_of_equal_scores_the_first_relevant_passage_is_the_target():
    """Scores 1, 1 and 0: the gradient is softmax-weighted passages (1, 0) and (0, 0) − (1, 0)."""
    passages = torch.tensor([[1.0, 0.0], [1.0, 9.0], [0.0, 0.0]])
    vectors = torch.tensor([[1.0, 0.0]], requires_grad=True)
    first, second = (
        gradient_of(reformulation_losses(vectors, torch.tensor([rows]), passages), vectors) for rows in ([0, 1], [1, 0])
    )
    share = exp(1) / (exp(1) + 1)
    assert first.tolist()[0] == pytest.approx([share - 1, 0])
    assert second.tolist()[0] == pytest.approx([share - 1, 9 * (share - 1)])


@pytest.mark.parametrize("kind", [csr_array, csr_matrix])
def test_sparse_is_dense(kind):
    vectors, relevant, passages = problem(40, 12, 5)
    passages = passages.where(passages > 0.5, 0)
    assert 0.2 < (passages == 0).double().mean() < 0.9
    dense = reformulation_losses(vectors, relevant, passages)
    sparse = reformulation_losses(vectors, relevant, kind(passages.numpy()), block=7)
    torch.testing.assert_close(sparse, dense)
    torch.testing.assert_close(gradient_of(sparse, vectors), gradient_of(dense, vectors))


def test_a_memory_map_of_half_precision_is_read_in_float32(tmp_path):
    vectors, relevant, passages = problem(50, 8, dtype=torch.float32)
    stored = np.lib.format.open_memmap(tmp_path / "vectors.npy", "w+", np.float16, tuple(passages.shape))
    stored[:] = passages
    stored.flush()
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    rounded = passages.half().float()
    assert not torch.equal(rounded, passages)
    expected = by_one_matrix(vectors, relevant, rounded, 3.0)
    found = reformulation_losses(vectors, relevant, mapped, scale=3.0, block=16)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(gradient_of(found, vectors), gradient_of(expected, vectors), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("autocast", [False, True])
def test_half_precision_vectors_are_scored_in_float32(autocast):
    vectors, relevant, passages = problem(50, 8, dtype=torch.float32)
    half = vectors.detach().bfloat16().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        losses = reformulation_losses(half, relevant, passages)
    expected = by_one_matrix(half.detach().float().requires_grad_(), relevant, passages)
    torch.testing.assert_close(losses, expected)
    assert gradient_of(losses, half).dtype == torch.bfloat16


def test_extreme_scores_stay_finite():
    """Scores ±5e4 would overflow any sum of exponentials: the loss is their difference, or nothing."""
    vectors = torch.tensor([[5e4, 0.0]], requires_grad=True)
    passages = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.0]])
    worst = reformulation_losses(vectors, torch.tensor([[1]]), passages, block=1)
    best = reformulation_losses(vectors, torch.tensor([[0]]), passages, block=1)
    assert (worst.item(), best.item()) == (1e5, 0)
    assert gradient_of(worst, vectors).tolist() == [[2, 0]]


def test_each_query_is_independent_of_the_others():
    vectors, relevant, passages = problem()
    together = reformulation_losses(vectors, relevant, passages)
    alone = [reformulation_losses(row[None], rows[None], passages) for row, rows in zip(vectors, relevant, strict=True)]
    torch.testing.assert_close(together, torch.cat(alone))


def test_without_a_gradient_the_losses_are_the_same():
    vectors, relevant, passages = problem()
    with torch.no_grad():
        losses = reformulation_losses(vectors, relevant, passages)
    assert not losses.requires_grad
    assert torch.equal(losses, reformulation_losses(vectors, relevant, passages))


class Counted:
    """A matrix that notes what is read of it."""

    def __init__(self, matrix):
        self.matrix, self.shape, self.read = matrix, matrix.shape, []

    def __getitem__(self, rows):
        found = self.matrix[rows]
        self.read.append(len(found))
        return found


def test_one_reading_in_blocks_serves_both_directions():
    vectors, relevant, passages = problem()
    counted = Counted(passages)
    reformulation_losses(vectors, relevant, counted, block=20).sum().backward()
    hardest, *blocks = counted.read
    assert hardest <= relevant.numel()
    assert blocks == [20, 20, 10]


def test_the_loss_of_revisions_by_a_double_loop():
    """Mean over revisions plus λ times the mean over pairs of what more feedback loses against less."""
    losses, weight = torch.tensor([[1.0, 0.4, 0.7], [0.1, 0.2, 0.3]]), 1.5
    rows = losses.tolist()
    pairs = [max(0.0, row[i] - row[j]) for row in rows for i in range(3) for j in range(i + 1, 3)]
    expected = sum(map(sum, rows)) / 6 + weight * sum(pairs) / len(pairs)
    assert primary_loss(losses, primary="mean", ranking_weight=weight).item() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scale": 0.0}, r"scale=0\.0 must be positive"),
        ({"block": 0}, "block=0 must be at least 1"),
        ({"vectors": torch.zeros(2, 3)}, r"shape \(batch, 2\), as the passages have; got \(2, 3\)"),
        ({"relevant": torch.tensor([[0]])}, r"int64 rows \(2, most\), padded with −1; got torch.int64 \(1, 1\)"),
        ({"relevant": torch.tensor([[0.0], [1.0]])}, "must hold int64 rows"),
        ({"relevant": torch.tensor([[0], [-1]])}, "query 1 of the batch has no relevant passage"),
        ({"relevant": torch.tensor([[0], [3]])}, "rows outside the 3 passages"),
        ({"relevant": torch.tensor([[0], [-2]])}, "rows outside the 3 passages"),
    ],
)
def test_refusals(change, message):
    options = {"vectors": torch.zeros(2, 2), "relevant": torch.tensor([[0], [1]]), "passages": torch.tensor(PASSAGES)}
    with pytest.raises(ValueError, match=message):
        reformulation_losses(**options | change)


def test_no_number_of_the_softmax_is_subnormal(monkeypatch):
    """A product with subnormal numbers took 20 to 30 times as long."""
    weights = []
    exponential = torch.Tensor.exp_
    monkeypatch.setattr(torch.Tensor, "exp_", lambda each: weights.append(exponential(each)) or weights[-1])
    vectors, relevant, passages = problem(200, 8, 6, dtype=torch.float32)
    found = reformulation_losses(vectors, relevant, passages, scale=20.0)
    (values,) = weights
    assert values.min() == 0
    assert values[values > 0].min() > 1e-35
    torch.testing.assert_close(found, by_one_matrix(vectors, relevant, passages, 20.0))
