"""Divergences of two predictions and of one from the uniform distribution: by loops, by hand, and their gradients."""

import math

import pytest
import torch
from hypothesis import given, strategies as st
from torch.nn import functional as F

from cmploss.losses import (
    binary_distillation_loss,
    distillation_loss,
    squared_difference,
    symmetric_binary_kl,
    symmetric_kl,
    uniform_cross_entropy,
)


def probabilities(logits):
    total = sum(math.exp(x) for x in logits)
    return [math.exp(x) / total for x in logits]


def kl(p, q):
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))


def pair(*shape, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return [
        (3 * torch.randn(*shape, generator=generator, dtype=torch.float64)).to(dtype).requires_grad_() for _ in range(2)
    ]


def test_symmetric_kl_by_loops():
    first, second = pair(3, 2, 4)
    found = symmetric_kl(first, second)
    assert found.shape == (3, 2)
    for row in range(3):
        for place in range(2):
            p, q = (probabilities(x[row, place].tolist()) for x in (first, second))
            assert found[row, place].item() == pytest.approx((kl(p, q) + kl(q, p)) / 2, rel=1e-9)


def test_symmetric_kl_over_candidates_alone():
    first, second = pair(2, 5)
    mask = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    found = symmetric_kl(first, second, mask=mask)
    p, q = (probabilities(x[0, :3].tolist()) for x in (first, second))
    assert found[0].item() == pytest.approx((kl(p, q) + kl(q, p)) / 2, rel=1e-9)
    torch.testing.assert_close(found[1], symmetric_kl(first, second)[1])
    found.sum().backward()
    assert torch.equal(first.grad[0, 3:], torch.zeros(2, dtype=torch.float64))
    assert first.grad[0, :3].abs().min() > 0


def test_symmetric_kl_gradients_reach_both():
    first, second = pair(2, 3)
    mask = torch.tensor([[1, 1, 0], [1, 1, 1]])
    assert torch.autograd.gradcheck(lambda a, b: symmetric_kl(a, b, mask=mask), (first, second))
    symmetric_kl(first, second).sum().backward()
    assert min(first.grad.norm(), second.grad.norm()) > 1e-2


def test_binary_divergences_by_loops():
    first, second = pair(3, 4)
    found = symmetric_binary_kl(first, second)
    for row in range(3):
        total = 0.0
        for a, b in zip(first[row].tolist(), second[row].tolist(), strict=True):
            p, q = probabilities([a, 0.0]), probabilities([b, 0.0])
            total += (kl(p, q) + kl(q, p)) / 2
        assert found[row].item() == pytest.approx(total / 4, rel=1e-9)


def test_squared_difference_averages_over_outputs():
    found = squared_difference(torch.tensor([[1.0, 2.0], [0.0, 0.0]]), torch.tensor([[3.0, 2.0], [0.0, 1.0]]))
    assert found.tolist() == [(4 + 0) / 2, (0 + 1) / 2]


@pytest.mark.parametrize("epsilon", [0.0, 0.1, 0.7])
def test_uniform_cross_entropy_is_what_label_smoothing_mixes_in(epsilon):
    logits, _ = pair(5, 4)
    labels = torch.tensor([0, 3, 1, 1, 2])
    mixed = (1 - epsilon) * F.cross_entropy(logits, labels) + epsilon * uniform_cross_entropy(logits).mean()
    torch.testing.assert_close(mixed, F.cross_entropy(logits, labels, label_smoothing=epsilon))


def test_half_precision_is_computed_in_single():
    first, second = pair(4, 6, dtype=torch.bfloat16)
    of_two = symmetric_kl, symmetric_binary_kl, squared_difference, distillation_loss, binary_distillation_loss
    for function in of_two:
        found = function(first, second)
        assert found.dtype == torch.float32
        assert torch.equal(found, function(first.float(), second.float()))
    assert torch.equal(uniform_cross_entropy(first), uniform_cross_entropy(first.float()))


@given(st.integers(0, 2**16))
def test_divergences_are_symmetric_positive_and_zero_for_equals(seed):
    first, second = pair(2, 4, seed=seed)
    for function in (symmetric_kl, symmetric_binary_kl, squared_difference):
        assert function(first, second).min() > 0
        torch.testing.assert_close(function(first, second), function(second, first))
        assert function(first, first).abs().max() == 0


def test_certain_and_opposite_predictions_are_finite():
    """p ≈ (1, 0), q ≈ (0, 1): ½ · Σ_k |p_k − q_k| · |log p_k − log q_k| = ½ · (1 · 200 + 1 · 200)."""
    first = torch.tensor([100.0, -100.0], requires_grad=True)
    found = symmetric_kl(first, -first.detach())
    found.backward()
    assert found.item() == pytest.approx(200.0)
    assert first.grad.isfinite().all()


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_distillation_by_loops(temperature):
    student, teacher = pair(3, 2, 4)
    found = distillation_loss(student, teacher, temperature=temperature)
    assert found.shape == (3, 2)
    for row in range(3):
        for place in range(2):
            p, q = (probabilities((x[row, place] / temperature).tolist()) for x in (teacher, student))
            assert found[row, place].item() == pytest.approx(temperature**2 * kl(p, q), rel=1e-9)


def test_distillation_over_candidates_alone():
    student, teacher = pair(2, 5)
    mask = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    found = distillation_loss(student, teacher, temperature=2.0, mask=mask)
    p, q = (probabilities((x[0, :3] / 2).tolist()) for x in (teacher, student))
    assert found[0].item() == pytest.approx(4 * kl(p, q), rel=1e-9)
    assert torch.autograd.gradcheck(lambda a: distillation_loss(a, teacher.detach(), mask=mask), student)


def test_the_gradient_of_distillation_is_t_times_the_difference_of_the_probabilities():
    """∂D/∂student = T² · (q − p) / T"""
    student, teacher = pair(3, 4)
    distillation_loss(student, teacher.detach(), temperature=3.0).sum().backward()
    q, p = ((x.detach() / 3).softmax(-1) for x in (student, teacher))
    torch.testing.assert_close(student.grad, 3 * (q - p))


def test_binary_distillation_by_loops():
    student, teacher = pair(3, 4)
    found = binary_distillation_loss(student, teacher, temperature=2.0)
    for row in range(3):
        pairs = zip(teacher[row].tolist(), student[row].tolist(), strict=True)
        each = [kl(probabilities([a / 2, 0.0]), probabilities([b / 2, 0.0])) for a, b in pairs]
        assert found[row].item() == pytest.approx(4 * sum(each) / 4, rel=1e-9)
