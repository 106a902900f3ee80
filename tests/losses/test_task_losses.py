"""Task losses of each example: their batch means equal transformers' own losses, their values arithmetic."""

from math import exp, log

import pytest
import torch
from torch.nn import functional as F

from cmploss.losses.per_example import (
    classification_losses,
    multi_label_losses,
    regression_losses,
    span_losses,
    token_losses,
)
from cmploss.objectives import split_labels, task_loss_for
from tests.tiny import HEADS, batch_of, model_of


@pytest.mark.parametrize("head", [head for head in HEADS if head != "tokens"])
def test_batch_mean_equals_transformers_own_loss(head):
    model, batch = model_of(head=head).eval(), batch_of(head)
    if head == "span":
        batch["attention_mask"][:] = 1  # of padding transformers makes candidates
    own = model(**batch).loss
    inputs, labels = split_labels(batch)
    # transformers has just set it; it must be inferred without, except where the config of a new model has it
    model.config.problem_type = HEADS[head][1].get("problem_type")
    losses = task_loss_for(model, labels)(model(**inputs), labels)
    assert losses.shape == ((4, 2) if head == "span" else (4,))
    torch.testing.assert_close(losses.mean(), own)


def test_token_losses_average_within_examples_first():
    logits = torch.zeros(2, 3, 2, dtype=torch.float64)
    logits[0, 0, 1] = 2.0
    labels = torch.tensor([[0, -100, -100], [1, 0, 1]])
    expected = [log(1 + exp(2.0)), log(2)]
    assert token_losses(logits, labels).tolist() == pytest.approx(expected, abs=1e-12)
    # transformers' mean over the four labelled tokens differs:
    own = F.cross_entropy(logits.flatten(0, 1), labels.flatten())
    assert own.item() == pytest.approx((log(1 + exp(2.0)) + 3 * log(2)) / 4)
    nothing = token_losses(logits, torch.full((2, 3), -100))
    assert nothing.tolist() == [0.0, 0.0]


def test_classification_with_weights_and_smoothing_by_hand():
    logits = torch.tensor([[1.0, 0.0, -1.0]], dtype=torch.float64)
    log_sum = log(exp(1) + 1 + exp(-1))
    negative_log = [log_sum - 1, log_sum, log_sum + 1]
    weights = torch.tensor([1.0, 2.0, 3.0])
    losses = classification_losses(logits, torch.tensor([2]), class_weights=weights)
    assert losses.item() == pytest.approx(3 * negative_log[2])
    losses = classification_losses(logits, torch.tensor([2]), label_smoothing=0.3)
    assert losses.item() == pytest.approx(0.7 * negative_log[2] + 0.3 * sum(negative_log) / 3)
    assert classification_losses(logits, torch.tensor([-100])).item() == 0.0


def test_multi_label_and_regression_by_hand():
    losses = multi_label_losses(torch.tensor([[0.0, 2.0]]), torch.tensor([[1, 0]]))
    assert losses.item() == pytest.approx((log(2) + log(1 + exp(2.0))) / 2)
    losses = regression_losses(torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0, 4.0]]))
    assert losses.item() == pytest.approx((1 + 4) / 2)


def test_span_keeps_start_and_end_apart_and_drops_positions_beyond_the_text():
    start = torch.tensor([[0.0, 1.0], [0.0, 0.0]])
    end = torch.tensor([[3.0, 0.0], [0.0, 0.0]])
    losses = span_losses(start, end, torch.tensor([1, 2]), torch.tensor([[0], [1]]))
    expected = [[log(1 + exp(-1.0)), log(1 + exp(-3.0))], [0.0, log(2)]]
    torch.testing.assert_close(losses, torch.tensor(expected))


def test_padding_is_no_answer():
    model, short, longer = model_of(head="span").eval(), batch_of("span", size=2), batch_of("span", size=2)
    for name, value in (("input_ids", 5), ("attention_mask", 0)):
        longer[name] = F.pad(short[name], (0, 7), value=value)
    losses = []
    for batch in (short, longer):
        inputs, labels = split_labels(batch)
        losses.append(task_loss_for(model, labels)(model(**inputs), labels))
    torch.testing.assert_close(*losses)
    assert model(**longer).loss > model(**short).loss + 0.1  # transformers' own


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_logits_give_float32_losses(dtype):
    logits = torch.tensor([[8.0, 0.0]], dtype=dtype)
    for loss in (
        classification_losses(logits, torch.tensor([0])),
        multi_label_losses(logits, torch.tensor([[1, 0]])),
        regression_losses(logits, torch.tensor([[0.0, 0.0]])),
        token_losses(logits[None], torch.tensor([[0]])),
        span_losses(logits, logits, torch.tensor([0]), torch.tensor([0])),
    ):
        assert loss.dtype == torch.float32
    assert classification_losses(logits, torch.tensor([0])).item() == pytest.approx(log(1 + exp(-8.0)), rel=1e-4)


def test_refusals():
    model = model_of()
    with pytest.raises(ValueError, match=r"needs labels in the batch; missing: labels"):
        task_loss_for(model, {})
    with pytest.raises(ValueError, match="no task loss is known for BertModel; give task_loss="):
        task_loss_for(model.bert, {"labels": torch.tensor([0])})
    with pytest.raises(ValueError, match="label_smoothing does not apply to a model for regression"):
        task_loss_for(model_of(head="regression"), {"labels": torch.tensor([0.0])}, label_smoothing=0.1)
    with pytest.raises(ValueError, match="class_weights does not apply to a model for MultipleChoice"):
        task_loss_for(model_of(head="choice"), {"labels": torch.tensor([0])}, class_weights=torch.ones(3))


def test_wrapped_models_are_recognised():
    model, batch = model_of(head="span"), batch_of("span")
    _, labels = split_labels(batch)
    wrapped = torch.nn.Module()
    wrapped.module = model
    assert task_loss_for(wrapped, labels).func is task_loss_for(model, labels).func
