"""The supervised contrastive loss against a double loop, by hand, at its edges, and as a principle."""

import math

import pytest
import torch
from hypothesis import given, strategies as st

from cmploss import supervised_contrastive_loss


def by_loops(x, y, temperature):
    """The loss of every example, written down as published, in Python's own double precision."""
    rows = [[value / math.sqrt(sum(v * v for v in row)) for value in row] for row in x.double().tolist()]
    y = y.tolist()

    def exponential(i, k, shift):
        return math.exp(sum(a * b for a, b in zip(rows[i], rows[k], strict=True)) / temperature - shift)

    losses = []
    for i in range(len(y)):
        partners = [j for j in range(len(y)) if j != i and y[j] == y[i]]
        total = 0.0
        for j in partners:
            shift = 1 / temperature  # cancels; without it the exponentials of a small temperature overflow
            everyone = sum(exponential(i, k, shift) for k in range(len(y)) if k != i)
            total += math.log(exponential(i, j, shift) / everyone)
        losses.append(-total / len(partners) if partners else 0.0)
    return losses


def batch(size=9, hidden=5, classes=3, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(size, hidden, generator=generator, dtype=torch.float64)
    return x.to(dtype).requires_grad_(), torch.randint(0, classes, (size,), generator=generator)


@pytest.mark.parametrize(("seed", "temperature"), [(0, 0.05), (1, 0.3), (2, 1.0), (3, 5.0)])
def test_double_loop(seed, temperature):
    x, y = batch(seed=seed)
    y[0] = 9  # without a partner
    expected = by_loops(x, y, temperature)
    assert sum(value > 0.01 for value in expected) >= 6
    found = supervised_contrastive_loss(x, y, temperature=temperature, reduction="none")
    assert found.tolist() == pytest.approx(expected, rel=1e-9)
    paired = [value for i, value in enumerate(expected) if y.tolist().count(y[i].item()) > 1]
    assert len(paired) < len(expected)
    mean, total = (supervised_contrastive_loss(x, y, temperature=temperature, reduction=r) for r in ("mean", "sum"))
    assert mean.item() == pytest.approx(sum(paired) / len(paired), rel=1e-9)
    assert total.item() == pytest.approx(sum(expected), rel=1e-9)


def test_by_hand():
    """Φ = (1,0), (1,0), (0,1) with classes 0, 0, 1 and τ = ½: the first two have e² against e² + 1."""
    x = torch.tensor([[3.0, 0.0], [0.5, 0.0], [0.0, 2.0]])
    found = supervised_contrastive_loss(x, torch.tensor([0, 0, 1]), temperature=0.5, reduction="none")
    assert found.tolist() == pytest.approx([math.log(math.exp(2) + 1) - 2] * 2 + [0.0], abs=1e-6)


def test_the_default_temperature_is_that_of_the_paper():
    x, y = batch()
    assert supervised_contrastive_loss(x, y).item() == supervised_contrastive_loss(x, y, temperature=0.3).item()
    assert supervised_contrastive_loss(x, y).item() != supervised_contrastive_loss(x, y, temperature=0.5).item()


def test_gradients_are_those_of_finite_differences():
    x, y = batch(size=6)
    assert torch.autograd.gradcheck(lambda each: supervised_contrastive_loss(each, y, temperature=0.3), (x,))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("labels", [[], [0], [0, 1], [0, 1, 2, 3]], ids=str)
def test_without_any_partner_loss_and_gradient_are_zero(labels, reduction):
    x = torch.randn(len(labels), 4, requires_grad=True)
    loss = supervised_contrastive_loss(x, torch.tensor(labels, dtype=torch.long), reduction=reduction)
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(x.grad, torch.zeros_like(x))


def test_the_batch_that_gives_others_nan():
    """Labels 0, 1, 1, 2: the first and the last have no partner, and the loss is that of the others."""
    x, _ = batch(size=4)
    y = torch.tensor([0, 1, 1, 2])
    expected = by_loops(x, y, 0.1)
    assert supervised_contrastive_loss(x, y, temperature=0.1).item() == pytest.approx((expected[1] + expected[2]) / 2)
    assert supervised_contrastive_loss(x, y, temperature=0.1, reduction="sum").item() == pytest.approx(sum(expected))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_small_temperature_in_little_precision(dtype):
    x, y = batch(size=16, hidden=32, dtype=dtype)
    loss = supervised_contrastive_loss(x, y, temperature=0.01)
    loss.backward()
    assert loss.dtype == torch.float32
    expected = by_loops(x, y, 0.01)  # of the values that bfloat16 holds
    assert loss.item() == pytest.approx(sum(expected) / len(expected), rel=1e-4)
    wide = x.detach().double().requires_grad_()
    supervised_contrastive_loss(wide, y, temperature=0.01).backward()
    error = (x.grad.double() - wide.grad).norm() / wide.grad.norm()
    assert error < (1e-2 if dtype is torch.bfloat16 else 1e-4)


def test_autocast_does_not_round_the_products():
    x, y = batch(size=16, hidden=32, dtype=torch.float32)
    expected = supervised_contrastive_loss(x, y, temperature=0.01)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(supervised_contrastive_loss(x, y, temperature=0.01), expected)


def test_extreme_and_equal_embeddings_have_finite_gradients():
    """All in one place: every partner has the same share, ln 3 for 4 examples."""
    x = torch.full((4, 3), 1e18, requires_grad=True)
    loss = supervised_contrastive_loss(x, torch.tensor([0, 0, 1, 1]), temperature=0.01)
    loss.backward()
    assert loss.item() == pytest.approx(math.log(3), rel=1e-6)
    assert x.grad.abs().max() < 1e-12


def test_a_zero_vector_has_no_direction_and_a_bounded_gradient():
    """It is at a right angle to all others, so that both of its class have two equal shares: ln 2."""
    x = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0]], requires_grad=True)
    losses = supervised_contrastive_loss(x, torch.tensor([0, 0, 1]), temperature=1.0, reduction="none")
    assert losses.tolist() == pytest.approx([math.log(2), math.log(2), 0.0])
    losses.sum().backward()
    assert 0.1 < x.grad.abs().max() < 2


SEEDS = st.integers(0, 2**16)


@given(SEEDS, st.permutations(range(7)))
def test_the_order_of_the_batch_does_not_matter(seed, order):
    x, y = batch(size=7, seed=seed)
    losses = supervised_contrastive_loss(x, y, reduction="none")
    torch.testing.assert_close(supervised_contrastive_loss(x[list(order)], y[list(order)], reduction="none"),
                               losses[list(order)])  # fmt: skip


@given(SEEDS, st.floats(1e-3, 1e3))
def test_the_length_of_an_embedding_does_not_matter(seed, length):
    x, y = batch(size=6, seed=seed)
    scaled = torch.cat([x[:1] * length, x[1:]])
    torch.testing.assert_close(supervised_contrastive_loss(scaled, y), supervised_contrastive_loss(x, y))


@given(SEEDS)
def test_the_loss_is_positive_and_falls_along_its_gradient(seed):
    x, y = batch(size=6, classes=2, seed=seed)
    loss = supervised_contrastive_loss(x, y)
    assert loss > 0
    (gradient,) = torch.autograd.grad(loss, x)
    if gradient.norm() > 1e-6:
        assert supervised_contrastive_loss(x - 1e-4 * gradient, y) < loss


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0.0}, r"temperature=0\.0 must be positive"),
        ({"temperature": float("nan")}, "temperature=nan must be positive"),
        ({"reduction": "max"}, "reduction='max' is unknown; allowed: mean, sum, none"),
        ({"embeddings": torch.zeros(3)}, r"shape \(B, H\); got torch.float32 \(3,\)"),
        ({"embeddings": torch.zeros(3, 2, dtype=torch.long)}, "must be floating-point numbers"),
        ({"labels": torch.zeros(2, dtype=torch.long)}, r"labels must be 3 class ids, .*\(2,\)"),
        ({"labels": torch.zeros(3)}, "labels must be 3 class ids, one per embedding; got torch.float32"),
    ],
)
def test_refusals(options, message):
    given = {"embeddings": torch.zeros(3, 2), "labels": torch.zeros(3, dtype=torch.long), **options}
    with pytest.raises(ValueError, match=message):
        supervised_contrastive_loss(given.pop("embeddings"), given.pop("labels"), **given)
