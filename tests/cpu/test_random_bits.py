"""Random bits: uniform, independent, the same however they are asked for."""

import numpy as np
import pytest
import torch
from scipy import stats

from cmploss.cpu import RandomBits, Rows
from cmploss.cpu.masks import WORDS, Threshold


def test_rates_are_right():
    """A binomial test of each rate on 2 million elements: 6 tests at p > 1e-4 fail by chance once in 1,600 seeds."""
    bits = RandomBits(11).draw(0, (2_000_000,))
    for p in (0.001, 0.1, 0.19, 0.271, 0.5, 0.9):
        dropped = int((bits < Threshold.of(p).least).sum())
        assert stats.binomtest(dropped, bits.numel(), p).pvalue > 1e-4
    assert stats.chisquare(np.bincount(bits.numpy().astype(np.int64) + 2**15, minlength=2**16)).pvalue > 1e-4


def test_masks_are_independent():
    """Of neighbours, calls, seeds and the words that one generator fills: correlations within 5 standard errors."""
    size = 2 * 4 * WORDS
    drawn = RandomBits(1).draw(0, (size,)).double()
    others = {
        "neighbour": drawn.roll(1),
        "lane": drawn.roll(4),
        "generator": drawn.roll(4 * WORDS),
        "call": RandomBits(1).draw(1, (size,)).double(),
        "seed": RandomBits(2).draw(0, (size,)).double(),
    }
    for name, other in others.items():
        correlation = torch.corrcoef(torch.stack([drawn, other]))[0, 1].abs().item()
        assert correlation < 5 / size**0.5, name


def test_bits_depend_on_seed_call_and_size_alone():
    size = 4 * WORDS + 6
    expected = RandomBits(3).draw(7, (size,))
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = RandomBits(3, keep=False)
        alone.draw(6, (10,))
        assert torch.equal(alone.draw(7, (size,)), expected)
    finally:
        torch.set_num_threads(threads)
    torch.rand(3)
    assert torch.equal(RandomBits(3).draw(7, (2, size // 2)).flatten(), expected)


def test_kept_bits_are_drawn_once():
    kept, fresh = RandomBits(0), RandomBits(0, keep=False)
    assert kept.draw(0, (8, 4)).data_ptr() == kept.draw(0, (4, 8)).data_ptr()
    first = fresh.draw(0, (8, 4))
    assert first.data_ptr() != fresh.draw(0, (8, 4)).data_ptr()
    assert torch.equal(first, kept.draw(0, (8, 4)))


@pytest.mark.parametrize("size", [6, 4 * WORDS + 6])
def test_the_bits_of_a_smaller_tensor_are_the_first_of_a_larger_one(size):
    large, bits = RandomBits(3).draw(7, (2, size)), RandomBits(3)
    small = bits.draw(7, (size - 2,))
    assert torch.equal(small, large.flatten()[: size - 2])
    assert torch.equal(bits.draw(7, (2, size)), large)  # drawn again, since it is longer
    again = bits.draw(7, (size - 2,))
    assert torch.equal(again, small)
    assert again.data_ptr() == bits.draw(7, (2, size)).data_ptr()  # and not again for the smaller one


@pytest.mark.parametrize("rows", [[1], [1, 2, 3], [0, 2, 3]])
def test_rows_have_the_bits_that_they_have_in_the_batch(rows):
    bits = RandomBits(3)
    whole = bits.draw(8, (5, 3, 4))
    some = bits.draw(8, (len(rows), 3, 4), Rows(torch.tensor(rows), 5))
    assert torch.equal(some, whole[rows])
    follow_one_another = rows[-1] - rows[0] < len(rows)
    assert (some.untyped_storage().data_ptr() == whole.untyped_storage().data_ptr()) == follow_one_another
    assert bits.leading == {5}
