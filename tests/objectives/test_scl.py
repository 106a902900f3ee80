"""Contrastive objectives: what they contrast, what they add to, and which models they refuse."""

import pytest
import torch
from torch.nn import functional as F

from cmploss import (
    CmpDrop,
    Comparative,
    RDrop,
    Supervised,
    SupervisedContrastive,
    comparative_loss,
    nested_dropout,
    supervised_contrastive_loss,
)
from cmploss.ablation.rng import draw_seed
from cmploss.objectives.encoder_states import text_states
from tests.tiny import ARCHITECTURES, HEADS, batch_of, inputs_of, model_of

ENCODERS = [name for name in ARCHITECTURES if name != "Qwen3"]
NO_DROPOUT = Supervised(dropout=False)


def states_and_logits(model, batch):
    """By the long way: all hidden states are returned, and the last one is read."""
    inputs = {name: value for name, value in batch.items() if name != "labels"}
    outputs = model(**inputs, output_hidden_states=True)
    return outputs.hidden_states[-1][:, 0], outputs.logits


def by_hand(model, batch, weight, temperature):
    states, logits = states_and_logits(model, batch)
    task = F.cross_entropy(logits, batch["labels"])
    contrast = supervised_contrastive_loss(states, batch["labels"], temperature=temperature)
    return task, contrast, (1 - weight) * task + weight * contrast


def gradient_of(model, loss):
    model.zero_grad()
    loss.backward()
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]).clone()


@pytest.mark.parametrize("architecture", ENCODERS)
def test_value_and_gradient_are_those_of_the_formula(architecture):
    model, batch = model_of(architecture), batch_of(size=8)
    outcome = SupervisedContrastive(0.7, 0.2, base=NO_DROPOUT)(model, batch)
    found = gradient_of(model, outcome.loss)
    task, contrast, expected = by_hand(model.eval(), batch, 0.7, 0.2)
    assert contrast > 0.1
    torch.testing.assert_close(outcome.loss, expected)
    torch.testing.assert_close(outcome.logs["loss_task"], task.detach())
    torch.testing.assert_close(outcome.logs["contrastive"], contrast.detach())
    torch.testing.assert_close(found, gradient_of(model, expected), rtol=1e-4, atol=1e-6)


def test_weights_zero_and_one_are_either_loss_alone():
    model, batch = model_of(), batch_of(size=8)
    task, contrast, _ = by_hand(model.eval(), batch, 0.5, 0.3)
    for weight, expected in ((0.0, task), (1.0, contrast)):
        torch.testing.assert_close(SupervisedContrastive(weight, base=NO_DROPOUT)(model.train(), batch).loss, expected)


def test_the_states_are_those_of_the_pass_that_is_trained():
    """With dropout: the pass that gives the cross-entropy gives the states too."""
    model, batch = model_of(hidden_dropout_prob=0.3), batch_of(size=8)
    torch.manual_seed(3)
    outcome = SupervisedContrastive(0.5, base=Supervised(p=0.3))(model, batch)
    torch.manual_seed(3)
    with nested_dropout(model, 1, seed=draw_seed(), p=0.3):
        _, _, expected = by_hand(model, batch, 0.5, 0.3)
    torch.testing.assert_close(outcome.loss, expected)
    torch.manual_seed(4)
    assert abs(SupervisedContrastive(0.5, base=Supervised(p=0.3))(model, batch).loss - expected) > 1e-3


@pytest.mark.parametrize("engine", ["joint", "two_pass"])
def test_added_to_the_comparative_loss_the_full_pass_is_contrasted(engine):
    model, batch = model_of(hidden_dropout_prob=0.3), batch_of(size=8)
    calls = []
    model.bert.register_forward_hook(lambda *_: calls.append(1))
    torch.manual_seed(3)
    outcome = SupervisedContrastive(0.6, 0.5, base=Comparative(CmpDrop(1), engine=engine))(model, batch)
    assert len(calls) == 2  # nothing is computed again
    found = gradient_of(model, outcome.loss)
    torch.manual_seed(3)
    seed, losses, states = draw_seed(), [], []
    for power in (0, 1):
        with nested_dropout(model, power, seed=seed):
            state, logits = states_and_logits(model, batch)
        losses.append(F.cross_entropy(logits, batch["labels"], reduction="none"))
        states.append(state)
    contrast = supervised_contrastive_loss(states[0], batch["labels"], temperature=0.5)
    expected = 0.4 * comparative_loss(torch.stack(losses, -1)) + 0.6 * contrast
    torch.testing.assert_close(outcome.loss, expected)
    torch.testing.assert_close(found, gradient_of(model, expected), rtol=1e-4, atol=1e-6)
    assert "loss_task" not in outcome.logs
    torch.testing.assert_close(outcome.logs["loss_drop1"], losses[1].mean().detach())


@pytest.mark.parametrize("base", [NO_DROPOUT, RDrop(base=Supervised(p=1e-9))], ids=repr)
def test_gradient_checkpointing_and_bf16_change_nothing_but_rounding(base):
    model, batch = model_of(), batch_of(size=8)
    objective = SupervisedContrastive(0.5, base=base)
    expected = gradient_of(model, objective(model, batch).loss)
    with torch.autocast("cpu", torch.bfloat16):
        outcome = objective(model, batch)
    assert outcome.loss.dtype == torch.float32
    assert (gradient_of(model, outcome.loss) - expected).norm() < 0.05 * expected.norm()
    recomputed = []
    model.activation_checkpointing_enable({"use_reentrant": False})
    model.bert.encoder.layer[0].attention.register_forward_hook(lambda *_: recomputed.append(1))
    outcome = objective(model, batch)
    before = len(recomputed)
    torch.testing.assert_close(gradient_of(model, outcome.loss), expected, rtol=1e-4, atol=1e-6)
    assert len(recomputed) > before


def test_examples_that_do_not_count_are_not_contrasted():
    model, batch = model_of(), batch_of(size=8)
    part = {name: value[2:] for name, value in batch.items()}
    objective = SupervisedContrastive(0.5, base=NO_DROPOUT)
    expected = objective(model, part)
    flagged = objective(model, batch | {"valid": torch.arange(8) >= 2})
    torch.testing.assert_close(flagged.loss, expected.loss)
    torch.testing.assert_close(flagged.logs["contrastive"], expected.logs["contrastive"])
    labels = batch["labels"].masked_fill(torch.arange(8) < 2, -100)
    unlabelled = objective(model, batch | {"labels": labels})
    torch.testing.assert_close(unlabelled.logs["contrastive"], expected.logs["contrastive"])
    assert objective(model, batch).logs["contrastive"] != expected.logs["contrastive"]
    states, _ = states_and_logits(model.eval(), part)  # and its gradient is that of the contrast, not more
    gradients = [
        gradient_of(model.train(), SupervisedContrastive(1.0, base=NO_DROPOUT)(model, each).loss)
        for each in (batch | {"labels": labels}, part)
    ]
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-6)
    assert len(states) == 6


def test_a_batch_without_pairs_trains_on_the_task_alone():
    model, batch = model_of(), batch_of(size=3)
    batch["labels"] = torch.tensor([0, 1, 2])
    outcome = SupervisedContrastive(0.9, base=NO_DROPOUT)(model, batch)
    task, _, _ = by_hand(model.eval(), batch, 0.9, 0.3)
    assert outcome.logs["contrastive"] == 0
    torch.testing.assert_close(gradient_of(model, outcome.loss), gradient_of(model, task * 0.1), rtol=1e-4, atol=1e-7)


def test_the_model_is_as_found_after_an_error():
    model = model_of()
    before = len(model.bert._forward_hooks), list(model.state_dict())
    with pytest.raises(ValueError, match="exactly one of input_ids"), text_states(model):
        model()
    assert (len(model.bert._forward_hooks), list(model.state_dict())) == before


@pytest.mark.parametrize("head", [head for head in HEADS if head != "single_label"])
def test_other_heads_are_refused(head):
    with pytest.raises(ValueError, match="needs one class per example; this model is for"):
        SupervisedContrastive()(model_of(head=head), batch_of(head))


def test_decoders_are_refused():
    message = "the first token of Qwen3ForSequenceClassification does not attend to the whole text"
    with pytest.raises(ValueError, match=message):
        SupervisedContrastive(base=NO_DROPOUT)(model_of("Qwen3", pad_token_id=0), batch_of())


def test_a_model_without_an_encoder_of_its_own_is_refused():
    with (
        pytest.raises(ValueError, match=r"BertModel has no separate encoder"),
        text_states(model_of().bert),
    ):
        pass


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weight": 1.5}, r"contrastive weight=1\.5 must lie in \[0, 1\]"),
        ({"weight": float("nan")}, "contrastive weight=nan must lie"),
        ({"temperature": 0}, "contrastive temperature=0 must be positive"),
    ],
)
def test_refusals(options, message):
    with pytest.raises(ValueError, match=message):
        SupervisedContrastive(**options)


def test_predictions_are_those_of_the_plain_model():
    model, batch = model_of(), batch_of()
    outputs = SupervisedContrastive(base=NO_DROPOUT)(model, batch).outputs
    torch.testing.assert_close(outputs.logits, model.eval()(**inputs_of()).logits)
    assert not model.bert._forward_hooks
