"""Linear layers by oneDNN: the products of ``F.linear`` and their gradients, where they are faster and only there."""

from contextlib import nullcontext

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cmploss import CmpDrop, Comparative
from cmploss.cpu import FastLinear, linear
from tests.tiny import batch_of, model_of

pytestmark = pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="PyTorch without oneDNN")


@pytest.fixture
def everywhere(monkeypatch):
    monkeypatch.setattr(linear, "mkl_is_slow", lambda: True)
    monkeypatch.setattr(linear, "LEAST", 1)


def tensors(shape=(2, 3, 16), features=24, dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    shapes = (shape, (features, shape[-1]), (features,))
    return [torch.randn(each, generator=generator).to(dtype).requires_grad_() for each in shapes]


def results(inputs, *, fast):
    """The output, the gradients, and the gradients of the norm of the gradients."""
    with FastLinear() if fast else nullcontext():
        output = F.linear(*inputs)
        first = torch.autograd.grad(output.pow(3).sum(), inputs, create_graph=True)
    norm = sum(each.square().sum() for each in first)
    return [output, *first, *torch.autograd.grad(norm, inputs[:2])]


@pytest.mark.parametrize("shape", [(5, 16), (2, 3, 16), (2, 1, 4, 16)])
@pytest.mark.parametrize("bias", [True, False])
def test_outputs_and_two_gradients_are_those_of_plain_products(shape, bias, everywhere):
    inputs = tensors(shape)[: 2 + bias]
    found = results(inputs, fast=True)
    assert "_Linear" in type(found[0].grad_fn).__name__
    exact = results([each.detach().double().requires_grad_() for each in inputs], fast=False)
    for one, other in zip(found, exact, strict=True):
        assert one.shape == other.shape
        assert (one - other).norm() <= 1e-6 * other.norm()


def test_columns_in_memory_and_frozen_weights(everywhere):
    x, weight, bias = tensors((6, 16))
    x = x.detach().mT.contiguous().mT.requires_grad_()
    with FastLinear():
        F.linear(x, weight.detach(), bias).square().sum().backward()
    expected = torch.autograd.grad(F.linear(x, weight, bias).square().sum(), (x, bias))
    torch.testing.assert_close((x.grad, bias.grad), expected)


@pytest.mark.parametrize("case", ["float64", "autocast", "small", "vector", "other CPU", "compiled", "no mode"])
def test_everything_else_is_pytorchs_own(case, everywhere, monkeypatch):
    shape = (16,) if case == "vector" else (6, 16)
    inputs = tensors(shape, dtype=torch.float64 if case == "float64" else torch.float32)
    if case == "small":
        monkeypatch.setattr(linear, "LEAST", 6 * 16 * 24 + 1)
    if case == "other CPU":
        monkeypatch.setattr(linear, "mkl_is_slow", lambda: False)
    if case == "compiled":
        monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    with torch.autocast("cpu", enabled=case == "autocast"):
        expected = F.linear(*inputs)
        with nullcontext() if case == "no mode" else FastLinear():
            found = F.linear(*inputs)
    assert "_Linear" not in type(found.grad_fn).__name__
    assert torch.equal(found, expected)


@pytest.mark.parametrize("engine", ["joint", "two_pass"])
def test_objectives_use_it_in_all_passes_with_equal_gradients(engine, everywhere, monkeypatch):
    counted = []
    product = torch.ops.mkldnn._linear_pointwise
    monkeypatch.setattr(torch.ops.mkldnn, "_linear_pointwise", lambda *args: counted.append(1) or product(*args))
    found = []
    for usable in (True, False):
        monkeypatch.setattr(linear, "mkl_is_slow", lambda usable=usable: usable)
        model = model_of()
        torch.manual_seed(1)
        Comparative(CmpDrop(1), engine=engine)(model, batch_of()).loss.backward()
        found.append(torch.cat([each.grad.flatten() for each in model.parameters()]))
    layers = sum(isinstance(each, nn.Linear) for each in model_of().modules())
    assert len(counted) >= 2 * 3 * layers - 4  # two passes, each forward and twice backward; not all inputs need one
    assert (found[0] - found[1]).norm() <= 1e-6 * found[1].norm()
    assert not torch.equal(*found)
