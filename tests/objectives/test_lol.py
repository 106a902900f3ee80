"""LoL: the mean over revisions and the comparison between them, one pass for each; one revision is training."""

import pytest
import torch

from cmploss import LoL, Supervised
from tests.settings import SETTINGS
from tests.tiny import batch_of, model_of

ROW = SETTINGS["lol"]


def step(objective, batch=None):
    torch.manual_seed(3)
    return objective(model_of(initializer_range=0.5), ROW.batch(batch_of()) if batch is None else batch)


def losses_of_revisions():
    """Each view of the batch by itself, with the same dropout: ``(batch, 3)``."""
    found = []
    for view in ROW.batch(batch_of())["views"]:
        rows = []

        def keep(outputs, labels, rows=rows):
            loss = torch.nn.functional.cross_entropy(outputs.logits, labels["labels"], reduction="none")
            rows.append(loss)
            return loss

        torch.manual_seed(3)
        Supervised()(model_of(initializer_range=0.5), view, keep)
        found.append(rows[0])
    return torch.stack(found, -1)


@pytest.mark.parametrize("weight", [0.0, 0.5, 2.0])
def test_it_is_the_mean_and_the_weighted_comparison_of_the_passes(weight):
    rows = losses_of_revisions().tolist()
    pairs = [max(0.0, row[i] - row[j]) for row in rows for i, j in ((0, 1), (0, 2), (1, 2))]
    assert max(pairs) > 1e-3
    outcome = step(LoL(weight, revisions=3))
    assert outcome.loss.item() == pytest.approx(sum(map(sum, rows)) / 12 + weight * sum(pairs) / len(pairs), rel=1e-5)
    assert outcome.logs["penalty"].item() == pytest.approx(sum(pairs) / len(pairs), rel=1e-4)


@pytest.mark.parametrize("weight", [0.0, 5.0])
def test_one_revision_is_plain_training(weight):
    plain = batch_of()
    assert torch.equal(step(LoL(weight, revisions=1), plain).loss, step(Supervised(), plain).loss)
    assert step(LoL(weight, revisions=1)).logs == {}


def test_revisions_that_the_batch_does_not_have_are_refused():
    with pytest.raises(ValueError, match=r"reads 2 views .* the batch has 1; .* LoL\(revisions=2\)"):
        step(LoL(), batch_of())
