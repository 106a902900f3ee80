"""Distillation inside a model: its value by a loop, whom it teaches, and what it refuses."""

import pytest
import torch

from cmploss import CmpCrop, CmpDrop, CmpLayer, SelfDistill, Supervised
from cmploss.ablation.depths import at_depths
from tests.ablation.test_depths import deep
from tests.objectives.test_distill import kl
from tests.tiny import batch_of, inputs_of


def test_the_loss_by_a_loop():
    model, batch = deep().eval(), batch_of()
    full, *submodels = (out.logits.tolist() for out in at_depths(model, [None, 2, 1], lambda _: model(**inputs_of())))
    total = 0.0
    for row, label in enumerate(batch["labels"].tolist()):
        task = [-torch.tensor(each[row]).log_softmax(0)[label].item() for each in (full, *submodels)]
        taught = [kl(full[row], each[row], 3.0) for each in submodels]
        total += task[0] + sum(0.3 * loss + 0.7 * far for loss, far in zip(task[1:], taught, strict=True))
    found = SelfDistill(CmpLayer((2, 1)), weight=0.7, temperature=3.0)(model.train(), batch)
    assert found.loss.item() == pytest.approx(total / 4 / 3, rel=1e-5)
    assert list(found.logs)[-1] == "distillation"


def test_with_the_whole_weight_the_full_model_learns_from_labels_alone():
    """With weight 1 the gradient of what only the full model has is a half of plain training."""
    model, batch = deep(layers=2), batch_of()
    top = list(model.bert.encoder.layer[1].parameters())
    expected = torch.autograd.grad(Supervised(dropout=False)(model, batch).loss, top)
    found = torch.autograd.grad(SelfDistill(CmpLayer((1,)), weight=1.0)(model, batch).loss, top)
    for one, two in zip(found, expected, strict=True):
        torch.testing.assert_close(2 * one, two, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: SelfDistill(CmpDrop(1), CmpCrop(1)), "needs predictions for the same input; leave the crops out"),
        (lambda: SelfDistill(CmpDrop(1), weight=1.5), r"distillation weight=1.5 must lie in \[0, 1\]"),
        (lambda: SelfDistill(CmpDrop(1), temperature=0), "distillation temperature=0 must be positive"),
        (lambda: SelfDistill(), "got nothing"),
    ],
)
def test_refusals(build, message):
    with pytest.raises(ValueError, match=message):
        build()
