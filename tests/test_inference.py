"""The loop that reads a model: order, batches, eval mode and masks."""

import pytest
import torch
from torch import nn

from cmploss.ablation import nested_dropout
from cmploss.errors import UserError
from cmploss.inference import run_sorted

LENGTHS = [3, 7, 1, 7, 5]


def batch_of(rows):
    return {"lengths": torch.tensor([LENGTHS[row] for row in rows])}


def test_batches_go_from_long_to_short_and_results_come_in_order():
    batches = []

    def run(batch):
        batches.append(batch["lengths"].tolist())
        return [length * 10 for length in batches[-1]]

    model = nn.Linear(1, 1).train()
    assert run_sorted(model, LENGTHS, batch_of, run, batch_size=2) == [30, 70, 10, 70, 50]
    assert batches == [[7, 7], [5, 3], [1]]
    assert not model.training


def test_no_gradient_is_recorded():
    model = nn.Linear(1, 1)
    found = run_sorted(
        model, [1], lambda rows: {"x": torch.ones(1, 1)}, lambda batch: model(**{"input": batch["x"]}), batch_size=1
    )
    assert not found[0].requires_grad


def test_a_submodel_has_masks_of_its_own_in_every_batch():
    model = nn.Dropout(0.5)

    def run(batch):
        return model(torch.ones(1, 8))

    found = torch.stack(run_sorted(model, [1, 1], batch_of, run, batch_size=1, power=1, seed=4))
    expected = []
    for seed in (4, 5):
        with nested_dropout(model, 1, seed=seed):
            expected.append(model(torch.ones(8)))
    assert torch.equal(found, torch.stack(expected))
    assert not torch.equal(found[0], found[1])
    assert torch.equal(torch.stack(run_sorted(model, [1, 1], batch_of, run, batch_size=1)), torch.ones(2, 8))


@pytest.mark.parametrize("size", [0, -1])
def test_no_batch_of_no_example(size):
    with pytest.raises(UserError, match=f"--batch_size must be >= 1, got {size}"):
        run_sorted(nn.Linear(1, 1), [1], batch_of, list, batch_size=size)
