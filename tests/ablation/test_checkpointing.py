"""Gradient checkpointing recomputes layers after the dropout context has ended: gradients must not change."""

import pytest
import torch

from cmploss.ablation import nested_dropout
from tests.tiny import ARCHITECTURES, NO_OWN_DROPOUT, inputs_of, model_of

POWERS = (0, 1, 3)


def gradients(model, p):
    losses = []
    for power in POWERS:
        with nested_dropout(model, power, seed=7, p=p):
            losses.append(model(**inputs_of()).logits.square().sum())
    model.zero_grad()
    sum(losses).backward()
    return torch.cat([parameter.grad.flatten() for parameter in model.parameters() if parameter.grad is not None])


@pytest.mark.parametrize(
    ("architecture", "options"),
    [
        *((name, {}) for name in ARCHITECTURES if name != "Albert"),  # no checkpointing in transformers
        ("Bert", {"preserve_rng_state": False}),
    ],
)
def test_gradients_equal_those_without_checkpointing(architecture, options):
    p = 0.3 if architecture in NO_OWN_DROPOUT else None
    model = model_of(architecture)
    layers = next(module for module in model.modules() if isinstance(module, torch.nn.ModuleList))
    calls = []
    linear = next(module for module in layers.modules() if isinstance(module, torch.nn.Linear))
    linear.register_forward_hook(lambda *_: calls.append(1))
    expected = gradients(model, p)
    calls_without = len(calls)
    model.activation_checkpointing_enable({"use_reentrant": False, **options})
    found = gradients(model, p)
    assert len(calls) - calls_without == 2 * calls_without  # recomputed once: checkpointing was on
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_without_replay_gradients_would_differ(monkeypatch):
    """Negative control: the same comparison fails when recomputed layers do not get the rates of their pass."""
    model = model_of("Bert")
    expected = gradients(model, None)
    model.activation_checkpointing_enable({"use_reentrant": False})
    monkeypatch.setattr("cmploss.ablation.dropout._replaying", lambda checkpoint, rates, fast: checkpoint)
    try:
        found = gradients(model, None)
    except torch.utils.checkpoint.CheckpointError:
        return
    assert (found - expected).norm() > 0.1 * expected.norm()


@pytest.mark.parametrize("options", [{"use_reentrant": True}, {"preserve_rng_state": False}])
def test_reentrant_is_refused_with_the_remedy(options):
    model = model_of("Bert")
    before = [module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)]
    model.activation_checkpointing_enable(options)
    with pytest.raises(ValueError, match=r"enable it with \{'use_reentrant': False\}"):
        nested_dropout(model, 1, seed=0).__enter__()
    assert [module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)] == before
    model.activation_checkpointing_enable({"use_reentrant": False})
    with nested_dropout(model, 1, seed=0):
        pass


def test_checkpoint_functions_are_as_found():
    model = model_of("Bert")
    model.activation_checkpointing_enable({"use_reentrant": False})
    layers = list(model.bert.encoder.layer)
    before = [layer._gradient_checkpointing_func for layer in layers]
    with nested_dropout(model, 1, seed=0):
        assert [layer._gradient_checkpointing_func for layer in layers] != before
    assert [layer._gradient_checkpointing_func for layer in layers] == before


def test_eval_mode_with_gradients_is_refused():
    model = model_of("Bert").eval()
    model.activation_checkpointing_enable({"use_reentrant": False})
    with pytest.raises(ValueError, match=r"call model\.train\(\) first"):
        nested_dropout(model, 1, seed=0).__enter__()
    with torch.no_grad(), nested_dropout(model, 1, seed=0):
        pass
    assert not any(module.training for module in model.modules())
