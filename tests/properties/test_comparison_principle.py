"""The principle itself, as properties of random losses."""

import torch
from hypothesis import given, strategies as st

from cmploss.losses import TARGETS, comparative_loss, comparison_weights, ranking_penalty

values = st.integers(0, 5000).map(lambda hundredths: hundredths / 100)  # no differences that underflow
rows = st.integers(2, 5).flatmap(lambda n: st.lists(st.lists(values, min_size=n, max_size=n), min_size=1, max_size=6))
targets = st.sampled_from(sorted(TARGETS))


@given(rows)
def test_penalty_is_zero_iff_losses_are_ordered(data):
    losses = torch.tensor(data, dtype=torch.float64)
    ordered = (losses[:, 1:] >= losses[:, :-1]).all(-1)
    assert ((ranking_penalty(losses, reduction="none") == 0) == ordered).all()


@given(rows, targets, st.randoms())
def test_batch_order_does_not_matter_and_examples_are_independent(data, target, random):
    losses = torch.tensor(data, dtype=torch.float64)
    order = list(range(len(data)))
    random.shuffle(order)
    each = comparative_loss(losses, target=target, reduction="none")
    torch.testing.assert_close(comparative_loss(losses[order], target=target, reduction="none"), each[order])
    for index, row in enumerate(losses):
        torch.testing.assert_close(comparative_loss(row, target=target), each[index])


@given(rows, targets)
def test_weights_sum_as_derived(data, target):
    losses = torch.tensor(data, dtype=torch.float64)
    submodels = losses.shape[-1] - 1
    pairs = (submodels + 1) * (submodels + 2) / 2
    total = comparison_weights(losses, target=target).sum(-1)
    expected = torch.full_like(total, 2 / (submodels + 2))
    if target == "first":
        below = losses[:, 0] < (losses[:, 0] + losses[:, 1:].amin(-1)) / 2
        expected = torch.where(below, submodels / pairs, expected)
    torch.testing.assert_close(total, expected)


@given(rows, targets, st.floats(0.125, 8))
def test_weights_are_the_gradient(data, target, temperature):
    losses = torch.tensor(data, dtype=torch.float64, requires_grad=True)
    comparative_loss(losses, target=target, temperature=temperature, reduction="sum").backward()
    torch.testing.assert_close(losses.grad, comparison_weights(losses, target=target, temperature=temperature))


@given(rows)
def test_a_common_shift_changes_no_penalty(data):
    losses = torch.tensor(data, dtype=torch.float64)
    torch.testing.assert_close(ranking_penalty(losses + 3.0), ranking_penalty(losses))
