"""Label smoothing: what it computes, on which heads, and what it refuses."""

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

from cmploss import LabelSmoothing, Supervised
from cmploss.objectives import task_loss_for
from tests.local_generator import save_generator
from tests.tiny import batch_of, model_of


@pytest.mark.parametrize("head", ["single_label", "choice", "tokens"])
def test_label_smoothing_is_that_of_the_trainer(head):
    model, batch = model_of(head=head), batch_of(head)
    if head == "single_label":
        batch["labels"][1] = -100
    found = LabelSmoothing(0.3, Supervised(dropout=False))(model, batch)
    smoothed = task_loss_for(model, batch, label_smoothing=0.3)
    expected = Supervised(dropout=False)(model, batch, smoothed)
    torch.testing.assert_close(found.loss, expected.loss)
    assert found.loss > found.logs["loss_task"]


@pytest.mark.parametrize(("kind", "auto"), [("gpt2", AutoModelForCausalLM), ("t5", AutoModelForSeq2SeqLM)])
def test_label_smoothing_of_a_language_model_is_that_of_the_trainer(tmp_path, kind, auto):
    """Prompts are not labelled, and the examples have 3, 1 and 0 labelled tokens."""
    model, ids = auto.from_pretrained(save_generator(tmp_path, kind)), torch.arange(3, 21).view(3, 6)
    labels = torch.full_like(ids, -100)
    labels[0, 3:], labels[1, 5] = ids[0, 3:], ids[1, 5]
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": labels}
    found = LabelSmoothing(0.3, Supervised(dropout=False))(model, batch)
    expected = Supervised(dropout=False)(model, batch, task_loss_for(model, batch, label_smoothing=0.3))
    torch.testing.assert_close(found.loss, expected.loss)
    assert found.loss != found.logs["loss_task"]


@pytest.mark.parametrize("head", ["regression", "multi_label", "span"])
def test_label_smoothing_needs_classes(head):
    with pytest.raises(ValueError, match="needs a model with exclusive classes; this model is for"):
        LabelSmoothing()(model_of(head=head), batch_of(head))


def test_epsilon_must_lie_below_one():
    with pytest.raises(ValueError, match=r"epsilon=1\.0 of label smoothing must lie in \[0, 1\)"):
        LabelSmoothing(1.0)
