"""Fast dropout on the CPU: the same numbers as plain operations, right rates, independent and nested masks."""

from itertools import product

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cmploss import CmpDrop, Comparative, Supervised, nested_dropout
from cmploss.cpu import RandomBits, Rows, fast_dropout, masks
from cmploss.cpu.fast_dropout import FastDropout, plain_operations
from cmploss.cpu.masks import Threshold, drop, mask_of
from tests.covering import pairwise
from tests.tiny import HEADS, batch_of, inputs_of, model_of

SHAPE = (3, 4, 6, 5)  # batch, heads, queries, keys


def tensors(dtype=torch.float64, queries=6, keys=5, kv_heads=4):
    generator = torch.Generator().manual_seed(0)
    shapes = [(3, queries, 4, 8), (3, keys, kv_heads, 8), (3, keys, kv_heads, 8)]  # as a model's projections have them
    return [
        torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype).transpose(1, 2).requires_grad_()
        for shape in shapes
    ]


MASKS = {
    "none": None,
    "bool": torch.rand(3, 1, 6, 5, generator=torch.Generator().manual_seed(1)) < 0.7,
    "bool of keys": torch.tensor([1, 1, 1, 1, 0]).bool()[None, None, None],
    "two dimensions": torch.randn(6, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64),
    "float": torch.randn(3, 4, 6, 5, generator=torch.Generator().manual_seed(3), dtype=torch.float64),
}
MASKS["bool"][..., 0] = True


def attend(inputs, p=0.3, seed=0, **options):
    """Output and input gradients of attention with dropout."""
    with FastDropout(RandomBits(seed)):
        output = F.scaled_dot_product_attention(*inputs, dropout_p=p, **options)
    weights = torch.linspace(-1, 1, output.numel(), dtype=output.dtype).view_as(output)
    return [output.detach(), *torch.autograd.grad((output * weights).sum(), inputs)]


def slowly(inputs, keep, scale, p, bias=0.0):
    """The definition, row by row."""
    q, k, v = (each.detach().numpy() for each in inputs)
    output = np.zeros((*q.shape[:3], v.shape[3]))
    for place in np.ndindex(*q.shape[:3]):
        batch, head, _ = place
        scores = scale * k[batch, head] @ q[place] + (bias[place] if isinstance(bias, np.ndarray) else bias)
        weights = np.exp(scores - scores.max())
        output[place] = (keep[place] * weights / weights.sum() / (1 - p)) @ v[batch, head]
    return output


# Blocks of less than a head, of a few heads, and of everything.
@pytest.mark.parametrize(
    ("mask", "block"), [*zip(MASKS, [1, 40, 10**6, 1, 40], strict=True), ("bool", 1), ("float", 1)]
)
def test_attention_is_its_definition(mask, block, monkeypatch):
    monkeypatch.setattr(masks, "BLOCK", block)
    inputs, p = tensors(), 0.25
    keep = RandomBits(0).draw(1, SHAPE).numpy() >= 2**14 - 2**15
    bias = torch.zeros(SHAPE, dtype=torch.float64)
    if MASKS[mask] is not None:
        allowed = MASKS[mask].dtype == torch.bool
        bias = bias.masked_fill(~MASKS[mask], -torch.inf) if allowed else bias + MASKS[mask]
    expected = slowly(inputs, keep, 8**-0.5, p, bias.numpy())
    found = attend(inputs, p, attn_mask=MASKS[mask])[0]
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12, atol=1e-14)


OPTIONS = {"plain": {}, "scale": {"scale": 0.1}, "causal": {"is_causal": True}}
OPTIONS |= {name: {"attn_mask": mask} for name, mask in MASKS.items() if mask is not None}


@pytest.mark.parametrize(
    ("block", "dtype", "name"),
    pairwise(product([1, 40, 10**6], [torch.float64, torch.float32, torch.bfloat16], OPTIONS)),
)
def test_switching_it_off_changes_nothing_in_attention(block, dtype, name, monkeypatch):
    options = OPTIONS[name]
    monkeypatch.setattr(masks, "BLOCK", block)
    inputs = tensors(dtype)
    found = attend(inputs, **options)
    with plain_operations():
        expected = attend(inputs, **options)
    tolerance = {torch.float64: 1e-12, torch.float32: 1e-6, torch.bfloat16: 1e-2}[dtype]
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == dtype
        assert (one - other).norm() <= tolerance * other.norm()


@pytest.mark.parametrize("name", ["plain", "bool"])
def test_gradients_have_gradients(name):
    """As of a penalty on the gradient: of attention, and of dropout, whose loss is no linear function."""

    def second(inputs):
        with FastDropout(RandomBits(0)):
            output = F.dropout(F.scaled_dot_product_attention(*inputs, dropout_p=0.3, **OPTIONS[name]), 0.2)
        first = torch.autograd.grad(output.pow(3).sum(), inputs, create_graph=True)
        return torch.autograd.grad(sum(each.square().sum() for each in first), inputs)

    found = second(tensors())
    with plain_operations():
        expected = second(tensors())
    for one, other in zip(found, expected, strict=True):
        assert other.norm() > 1
        assert (one - other).norm() <= 1e-12 * other.norm()


def test_a_single_number():
    with FastDropout(RandomBits(0)):
        assert F.dropout(torch.tensor(1.0), 0.5).item() in (0.0, 2.0)


def test_grouped_queries():
    inputs = tensors(kv_heads=2)
    found = attend(inputs, enable_gqa=True)
    q, k, v = inputs
    repeated = attend([q, k.repeat_interleave(2, 1), v.repeat_interleave(2, 1)])
    torch.testing.assert_close(found[0], repeated[0])
    torch.testing.assert_close(found[2], repeated[2].unflatten(1, (2, 2)).sum(2))


def test_a_query_that_may_attend_to_nothing_gets_zeros():
    mask = MASKS["bool"].clone()
    mask[1, 0, 2] = False
    output, *gradients = attend(tensors(), attn_mask=mask)
    assert (output[1, :, 2] == 0).all()
    assert all(gradient.isfinite().all() for gradient in gradients)
    assert (gradients[0][1, :, 2] == 0).all()


def test_a_mask_with_a_gradient_gets_it():
    bias = MASKS["float"].clone().requires_grad_()
    with FastDropout(RandomBits(0)):
        F.scaled_dot_product_attention(*tensors(), attn_mask=bias, dropout_p=0.3).square().sum().backward()
    assert bias.grad.norm() > 1e-3


def test_without_dropout_attention_is_pytorchs_own():
    inputs = tensors(torch.float32)
    assert torch.equal(attend(inputs, p=0.0)[0], F.scaled_dot_product_attention(*inputs))
    nearly = attend(inputs, p=1e-9)[0]  # rounds to 0, but takes the other way
    torch.testing.assert_close(nearly, F.scaled_dot_product_attention(*inputs))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_dropout_is_its_definition(dtype, monkeypatch):
    monkeypatch.setattr(masks, "BLOCK", 7)
    x = torch.randn(5, 6, dtype=dtype, requires_grad=True)
    keep = RandomBits(4).draw(1, (5, 6)) >= 2**14 - 2**15
    with FastDropout(RandomBits(4)):
        y = F.dropout(x, 0.25)
    (gradient,) = torch.autograd.grad(y, x, torch.ones_like(y))
    torch.testing.assert_close(gradient, (keep * (4 / 3)).to(dtype))
    torch.testing.assert_close(y, (x * keep * (4 / 3)).to(dtype))
    with FastDropout(RandomBits(4)), plain_operations():
        torch.testing.assert_close(F.dropout(x, 0.25), y)


@pytest.mark.parametrize(
    ("objective", "head"),
    [
        *((Comparative(CmpDrop(2)), head) for head in HEADS),
        (Supervised(), "single_label"),
        (Comparative(CmpDrop(2), engine="joint"), "span"),
    ],
)
def test_switching_it_off_changes_nothing_in_training(objective, head):
    model, batch = model_of(head=head, hidden_dropout_prob=0.3), batch_of(head)

    def step():
        torch.manual_seed(0)
        model.zero_grad()
        outcome = objective(model, batch)
        outcome.loss.backward()
        grads = [each.grad.flatten() for each in model.parameters() if each.grad is not None]
        return outcome.loss.detach(), torch.cat(grads)

    loss, gradient = step()
    with plain_operations():
        plain_loss, plain_gradient = step()
    torch.testing.assert_close(loss, plain_loss)
    assert (gradient - plain_gradient).norm() <= 1e-6 * plain_gradient.norm()


def test_it_is_on():
    """Canary of the tests above: the blocked attention and dropout do run."""
    model = model_of()
    with nested_dropout(model, 1, seed=0):
        names = graph_of(model(**inputs_of()).logits)
    assert {"BlockedAttentionBackward", "_DropoutBackward"} <= names
    with plain_operations(), nested_dropout(model, 1, seed=0):
        assert not {"BlockedAttentionBackward", "_DropoutBackward"} & graph_of(model(**inputs_of()).logits)


def graph_of(tensor):
    names, queue = set(), [tensor.grad_fn]
    while queue:
        node = queue.pop()
        if node is not None and (type(node).__name__, id(node)) not in names:
            names.add((type(node).__name__, id(node)))
            queue.extend(parent for parent, _ in node.next_functions)
    return {name for name, _ in names}


def test_thresholds():
    assert Threshold.of(0.25) == (2**14 - 2**15, 4 / 3)
    assert Threshold.of(0.0) == (-(2**15), 1.0)
    assert Threshold.of(1 - 1e-12) == (2**15 - 1, 2**16)  # the largest rate that still keeps something
    for p in np.linspace(0, 0.99, 100):
        least, scale = Threshold.of(p)
        assert abs((least + 2**15) / 2**16 - p) <= 2**-17
        assert scale * (2**15 - least) / 2**16 == pytest.approx(1)  # the expected value is kept exactly


def test_the_threshold_itself_is_kept():
    threshold = Threshold.of(0.25)
    bits = torch.tensor([-(2**15), threshold.least - 1, threshold.least, 2**15 - 1], dtype=torch.int16)
    expected = torch.tensor([0.0, 0.0, 1.0, 1.0])
    assert torch.equal(drop(torch.ones(4), bits.float(), threshold, out=torch.empty(4)), expected)
    assert torch.equal(mask_of(bits, threshold, torch.float32), expected * threshold.scale)


def test_half_precision_does_not_round_the_bits():
    bits = RandomBits(0).draw(1, (20_000,))
    with FastDropout(RandomBits(0)):
        kept = F.dropout(torch.ones(20_000, dtype=torch.bfloat16), 0.3) != 0
    assert torch.equal(kept, bits >= Threshold.of(0.3).least)


def test_some_rows_have_the_masks_of_the_whole_batch():
    bits, layer, x = RandomBits(0), nn.Dropout(0.4), torch.ones(6, 5)
    rows = Rows(torch.tensor([4, 1]), 6)
    with FastDropout(bits):
        whole = layer(x)
    with FastDropout(bits, rows=rows):
        assert torch.equal(layer(x[rows.indices]), whole[rows.indices])
    with FastDropout(bits):
        assert not torch.equal(layer(x[rows.indices]), whole[rows.indices])  # negative control


def test_what_is_not_ours_is_noted():
    layer, x = nn.Dropout(0.5, inplace=True), torch.ones(4, 3)
    bits = RandomBits(0)
    with FastDropout(bits):
        nn.Dropout(0.5)(x)
    assert bits.leading == {4}
    with FastDropout(bits):
        layer(x)
    assert bits.leading == {0, 4}


def test_inplace_dropout_nests_too():
    kept = []
    for power in (1, 2):
        layer = nn.Sequential(nn.Dropout(0.3, inplace=True))
        with nested_dropout(layer, power, seed=1):
            kept.append(layer(torch.ones(1000)) != 0)
    assert (kept[0] | ~kept[1]).all()
    assert 400 < kept[1].sum() < kept[0].sum() < 750


def test_a_model_on_another_device_is_left_alone():
    bits, layer = RandomBits(0), nn.Sequential(nn.Linear(3, 3, device="meta"), nn.Dropout(0.5))
    fast = fast_dropout(layer, bits)
    with fast.running(), fast.again_from(0):
        layer[1](torch.ones(4, 3))
    assert (fast.number, bits.leading) == (0, set())
    with fast_dropout(nn.Dropout(0.5), bits).running():
        layer[1](torch.ones(4, 3))
    assert bits.leading == {4}  # canary


@pytest.mark.parametrize("low", [-1e9, torch.finfo(torch.float32).min])
def test_a_query_with_a_very_low_bias_for_every_key_has_the_right_gradient(low):
    """Softmax of equal scores: each of the 8 keys has the weight 1/8."""
    inputs = [torch.randn(1, 1, 8, 4, generator=torch.Generator().manual_seed(s)).requires_grad_() for s in range(3)]
    found = attend(inputs, p=1e-9, attn_mask=torch.full((1, 1, 8, 8), low))
    weights = torch.linspace(-1, 1, 32).view(1, 1, 8, 4)
    torch.testing.assert_close(found[3], weights.mean(2, keepdim=True).expand(1, 1, 8, 4))
