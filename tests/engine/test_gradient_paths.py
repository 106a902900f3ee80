"""Every path of the gradient: outputs inside tuples and dicts, parameters of the loss, outputs without a graph."""

from collections import namedtuple
from itertools import count

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cmploss import CmpDrop, Comparative
from cmploss.engine import two_pass
from cmploss.engine.output_tree import map_tensors, tensors_of
from tests.tiny import batch_of, model_of

Pair = namedtuple("Pair", "first second")


@pytest.fixture(autouse=True)
def short_batches_by_halves_too(monkeypatch):
    monkeypatch.setattr(two_pass, "LONG", 0)


class Temperature(nn.Module):
    """A task loss with a parameter."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(1.5))

    def forward(self, outputs, labels):
        return F.cross_entropy(outputs.logits * self.scale, labels["labels"], reduction="none")


class Nested(nn.Module):
    """Outputs in a tuple inside a list inside a dict, and a named tuple."""

    def __init__(self):
        super().__init__()
        self.inner = model_of(hidden_dropout_prob=0.3)
        self.config = self.inner.config

    def forward(self, **inputs):
        logits = self.inner(**inputs).logits
        return {"heads": [(logits, 2 * logits), Pair(logits.exp(), "text")], "logits": logits.detach()}


def hidden_states(outputs, labels):
    return outputs.hidden_states[-1].mean(1).pow(2).mean(-1)


def attentions(outputs, labels):
    return outputs.attentions[0][..., 0].pow(2).mean((1, 2)) + outputs.attentions[1][..., 1].mean((1, 2))


def nested(outputs, labels):
    heads = outputs["heads"]
    return F.cross_entropy(heads[0][1] + heads[1].first, labels["labels"], reduction="none")


def plain(outputs, labels):
    return F.cross_entropy(outputs.logits, labels["labels"], reduction="none")


def both(outputs, labels):
    return plain(outputs, labels) + hidden_states(outputs, labels)


CASES = {
    "hidden states": (lambda: model_of(hidden_dropout_prob=0.3, output_hidden_states=True), hidden_states),
    "attentions": (lambda: model_of(hidden_dropout_prob=0.3, output_attentions=True, attention="eager"), attentions),
    "nested": (Nested, nested),
    "frozen encoder": (lambda: frozen(model_of(output_hidden_states=True)), both),
}


def frozen(model):
    model.bert.requires_grad_(False)
    return model


def step(model, task_loss, engine, parameters, *, scale=2.0):
    torch.manual_seed(1)
    for parameter in parameters:
        parameter.grad = None
    outcome = Comparative(CmpDrop(2), engine=engine)(model, batch_of(size=8), task_loss)
    (outcome.loss * scale).backward()
    return outcome, [None if p.grad is None else p.grad.clone() for p in parameters]


def assert_engines_agree(model, task_loss, parameters, autocast=False):
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        joint, expected = step(model, task_loss, "joint", parameters)
        lean, found = step(model, task_loss, "two_pass", parameters)
    assert torch.equal(joint.loss, lean.loss)
    assert [value is None for value in found] == [value is None for value in expected]
    for one, other in zip(found, expected, strict=True):
        assert one is None or (one - other).norm() <= 1e-5 * other.norm() + 1e-8
    found, expected = (torch.cat([v.flatten() for v in values if v is not None]) for values in (found, expected))
    assert expected.norm() > 1e-3
    assert (found - expected).norm() <= 1e-6 * expected.norm()


@pytest.mark.parametrize("case", CASES)
def test_engines_agree_on_outputs_anywhere(case):
    make, task_loss = CASES[case]
    model = make().train()
    assert_engines_agree(model, task_loss, list(model.parameters()))


@pytest.mark.parametrize("autocast", [False, True])
def test_engines_agree_on_a_loss_object_with_a_parameter(autocast):
    model, task_loss = model_of(hidden_dropout_prob=0.3), Temperature()
    parameters = [*model.parameters(), task_loss.scale]
    assert_engines_agree(model, task_loss, parameters, autocast)
    assert task_loss.scale.grad.abs() > 1e-4


def test_engines_agree_on_a_parameter_that_model_and_loss_both_read():
    model = model_of(hidden_dropout_prob=0.3)
    model.temperature = nn.Parameter(torch.ones(()))  # of the model, but read by the loss alone

    def task_loss(outputs, labels):
        return plain(outputs, labels) * model.temperature + model.classifier.weight.pow(2).sum()

    assert_engines_agree(model, task_loss, list(model.parameters()))


def test_a_loss_without_any_gradient_is_refused_by_both_engines():
    model = model_of().requires_grad_(False)
    for engine in ("joint", "two_pass"):
        with pytest.raises(RuntimeError, match="does not require grad"):
            step(model, plain, engine, [])


def test_a_tensor_that_is_no_output_is_refused():
    model, seen = model_of(hidden_dropout_prob=0.3), []
    model.classifier.register_forward_pre_hook(lambda _, args: seen.append(args[0]))

    def task_loss(outputs, labels):
        return plain(outputs, labels) + seen[-1].pow(2).mean(-1)

    with pytest.raises(RuntimeError, match=r"not among its outputs; .* engine='joint'"):
        step(model, task_loss, "two_pass", [])


@pytest.mark.parametrize("autocast", [False, True])
def test_a_replay_with_other_outputs_is_refused(autocast):
    """As a compiled model whose masks do not repeat: here every call of the head shifts its input."""
    model, calls = model_of(hidden_dropout_prob=0.3), count(1)
    model.classifier.register_forward_pre_hook(lambda _, args: (args[0] + 0.3 * next(calls),))
    with (
        torch.autocast("cpu", torch.bfloat16, enabled=autocast),
        pytest.raises(RuntimeError, match=r"replay of variant 'drop\d' computed other outputs .* engine='joint'"),
    ):
        step(model, plain, "two_pass", [])


@pytest.mark.parametrize(("dtype", "autocast"), [(torch.bfloat16, False), (torch.float32, True)])
def test_coupled_rows_in_half_precision_are_replayed_together(dtype, autocast):
    model = model_of(hidden_dropout_prob=0.3).to(dtype)
    rows = []

    def couple(_, args):
        rows.append(len(args[0]))
        return (args[0] - args[0].mean(0),)

    model.classifier.register_forward_pre_hook(couple)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        step(model, plain, "two_pass", [])
    assert set(rows) == {8}


def test_weak_coupling_of_rows_is_found():
    """An influence of 0.1 % of the output, which half a batch at a time would lose."""
    model = model_of(hidden_dropout_prob=0.3)
    model.classifier.register_forward_pre_hook(lambda _, args: (args[0] - 0.02 * args[0].mean(0),))
    assert_engines_agree(model, plain, list(model.parameters()))


def test_losses_that_are_not_finite_are_not_blamed_on_the_replay():
    model = model_of()
    with torch.no_grad():
        model.classifier.bias[0] = torch.nan
    outcome, _ = step(model, plain, "two_pass", [])
    assert outcome.loss.isnan()


def test_tensors_are_found_and_replaced_everywhere_and_originals_stay():
    class Cache:
        def __init__(self):
            self.keys, self.itself = [torch.ones(1)], self

    cache = Cache()
    outputs = {
        "a": (torch.ones(2), [torch.ones(3), None]),
        "b": Pair(torch.ones(4), 5),
        "c": cache,
        "d": torch.tensor(1),
    }
    assert sorted(len(tensor) for tensor in tensors_of(outputs)) == [1, 2, 3, 4]
    doubled = map_tensors(outputs, lambda tensor: 2 * tensor)
    assert [tensor[0].item() for tensor in tensors_of(doubled)] == [2.0] * 4
    assert [tensor[0].item() for tensor in tensors_of(outputs)] == [1.0] * 4
    assert (type(doubled["b"]), type(doubled["c"]), doubled["d"].item()) == (Pair, Cache, 1)
    assert doubled["c"].itself is doubled["c"]
