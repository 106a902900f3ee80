"""Dropout on the CPU at a fraction of its usual cost, and nested for every rate from one draw of random numbers.

Half the time of a training step on a CPU can go into drawing one random float for each attention weight and into the
memory that its mask moves. Here each application of dropout draws 16 random bits per element once a step; a rate is a
threshold on them, so one draw serves every power, both directions and every replay. Attention is computed for a few
heads at a time, so that scores, probabilities and masks stay in the cache, and computed again in the backward pass.

Rates are multiples of 2⁻¹⁶: a rate is off by at most 8·10⁻⁶, and survivors are scaled by exactly what was kept.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from math import sqrt
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from cmploss.ablation.rng import RandomBits, Rows, Threshold

BLOCK = 2**19  # elements of a block; 2 MB in float32, so that a few of them stay in the cache
_enabled = True


class FastDropout(TorchFunctionMode):
    """While active, ``F.dropout`` and ``scaled_dot_product_attention`` of CPU tensors run as this file has them.

    Args:
        bits: The random bits; calls take them in order, whatever their rate.
        number: Number of the first call.
        rows: The rows of the batch that the model sees; all by default.
    """

    def __init__(self, bits: RandomBits, number: int = 0, rows: Rows | None = None):
        super().__init__()
        self.bits = bits
        self.number = number
        self.rows = rows
        self.active = False

    @contextmanager
    def running(self) -> Iterator[None]:
        """The mode for the length of a pass."""
        self.active = True
        try:
            with self:
                yield
        finally:
            self.active = False

    def again_from(self, number: int) -> AbstractContextManager[Any]:
        """For a part of the pass that may run again after the pass: with the numbers that it had."""
        return nullcontext() if self.active else FastDropout(self.bits, number, self.rows)

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        call = _CALLS.get(func)
        if call is None:
            return func(*args, **(kwargs or {}))
        self.number += 1
        return call(self, *args, **(kwargs or {}))

    def draw(self, shape: Sequence[int]) -> Tensor:
        """The random bits of the present call."""
        return self.bits.draw(self.number, shape, self.rows)


@contextmanager
def plain_operations() -> Iterator[None]:
    """Apply the same masks with PyTorch's ordinary operations for the length of a block: slower, nothing else."""
    global _enabled
    found, _enabled = _enabled, False
    try:
        yield
    finally:
        _enabled = found


def _dropout(mode: FastDropout, input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    if not training or p == 0:
        return F.dropout(input, p, training, inplace)
    if inplace or not _is_ours(input, p):
        mode.bits.leading.add(0)
        return F.dropout(input, p, training, inplace)
    drawn, threshold = mode.draw(input.shape), Threshold.of(p)
    if not _enabled:
        return (input * _kept(drawn, threshold, input.dtype)).to(input.dtype)
    apply: Callable[..., Tensor] = _Dropout.apply
    return apply(input, drawn, threshold)


def _attention(
    mode: FastDropout,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    if dropout_p == 0 or not _is_ours(query, dropout_p) or query.dim() != 4:
        if dropout_p:
            mode.bits.leading.add(0)
        return F.scaled_dot_product_attention(
            query, key, value, attn_mask, dropout_p, is_causal, scale=scale, enable_gqa=enable_gqa
        )
    if torch.is_autocast_enabled("cpu"):
        dtype = torch.get_autocast_dtype("cpu")
        query, key, value = query.to(dtype), key.to(dtype), value.to(dtype)
    if enable_gqa:
        key, value = (each.repeat_interleave(query.shape[1] // each.shape[1], 1) for each in (key, value))
    shape = (*query.shape[:3], key.shape[2])
    if is_causal:
        attn_mask = torch.ones(shape[2:], dtype=torch.bool).tril()
    drawn, threshold = mode.draw(shape), Threshold.of(dropout_p)
    scale = 1 / sqrt(query.shape[-1]) if scale is None else scale
    bias = _bias(attn_mask, query)
    differentiable = bias is not None and bias.requires_grad
    if not _enabled or differentiable or (bias is not None and bool((bias.amax(-1) == -torch.inf).any())):
        return _plain_attention(query, key, value, bias, drawn, threshold, scale)
    if bias is not None:
        bias = bias.expand(shape)
    apply: Callable[..., Tensor] = _Attention.apply
    return apply(query, key, value, bias, drawn, threshold, scale)


_CALLS: dict[Callable[..., Any], Callable[..., Tensor]] = {
    F.dropout: _dropout,
    F.scaled_dot_product_attention: _attention,
}


def _is_ours(tensor: Tensor, p: float) -> bool:
    return tensor.device.type == "cpu" and tensor.is_floating_point() and p < 1


def _bias(mask: Tensor | None, like: Tensor) -> Tensor | None:
    """What is added to the scores ``(batch, heads, queries, keys)``, each dimension of its own size or 1."""
    if mask is None:
        return None
    if mask.dtype == torch.bool:
        mask = torch.zeros(mask.shape).masked_fill_(~mask, -torch.inf)
    return mask[(None,) * (4 - mask.dim())].to(_wide(like.dtype))


def _wide(dtype: torch.dtype) -> torch.dtype:
    """The type to compute in: scores and probabilities need single precision at least."""
    return torch.promote_types(dtype, torch.float32)


def _kept(drawn: Tensor, threshold: Threshold, dtype: torch.dtype) -> Tensor:
    """The scaled mask ``M``: 0 where dropped, else the scale."""
    return (drawn >= threshold.least).to(_wide(dtype)) * threshold.scale


def _plain_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    bias: Tensor | None,
    drawn: Tensor,
    threshold: Threshold,
    scale: float,
) -> Tensor:
    """``(M ∘ softmax(scale·QKᵀ + bias)) V``; a query that may attend to nothing gets zeros, as in PyTorch."""
    wide = _wide(query.dtype)
    with torch.autocast("cpu", enabled=False):
        scores = scale * (query.to(wide) @ key.to(wide).mT)
        if bias is not None:
            scores = scores + bias
        probabilities: Tensor = torch.ops.aten._safe_softmax(scores, -1)
        return ((probabilities * _kept(drawn, threshold, wide)) @ value.to(wide)).to(query.dtype)


class _Dropout(torch.autograd.Function):
    """``y = M ∘ x`` and ``∂x = M ∘ ∂y``, the mask made from its bits a block at a time."""

    @staticmethod
    def forward(ctx: Any, input: Tensor, drawn: Tensor, threshold: Threshold) -> Tensor:
        ctx.save_for_backward(drawn)
        ctx.threshold = threshold
        return _masked(input, drawn, threshold)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (drawn,) = ctx.saved_tensors
        return _masked(gradient, drawn, ctx.threshold), None, None


def _masked(input: Tensor, drawn: Tensor, threshold: Threshold) -> Tensor:
    output = input.new_empty(input.shape)
    flat, result, bits = input.contiguous().view(-1), output.view(-1), drawn.view(-1)
    mask = torch.empty(min(BLOCK, len(flat)), dtype=_wide(flat.dtype))
    for start in range(0, len(flat), BLOCK):
        part = slice(start, start + BLOCK)
        kept = torch.ge(bits[part], threshold.least, out=mask[: len(flat[part])]).mul_(threshold.scale)
        torch.mul(flat[part], kept, out=result[part])
    return output


class _Attention(torch.autograd.Function):
    """Attention with dropout in blocks.

    With ``P = softmax(scale·QKᵀ + bias)`` and the scaled mask ``M``: ``O = (M ∘ P) V``, so ``∂V = (M ∘ P)ᵀ ∂O``,
    ``∂P = M ∘ (∂O Vᵀ)``, ``∂S = P ∘ (∂P − rowsum(∂P ∘ P))``, ``∂Q = scale·∂S K``, ``∂K = scale·∂Sᵀ Q``.
    """

    @staticmethod
    def forward(
        ctx: Any,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        bias: Tensor | None,
        drawn: Tensor,
        threshold: Threshold,
        scale: float,
    ) -> Tensor:
        ctx.save_for_backward(query, key, value, bias, drawn)
        ctx.threshold, ctx.scale = threshold, scale
        output = query.new_empty(query.shape[0], query.shape[2], query.shape[1], value.shape[3]).transpose(1, 2)
        for block, (scores, weights, mask) in _blocks(drawn, _wide(query.dtype)):
            q, k, v = (_part(each, block) for each in (query, key, value))
            _attend(q, k, bias, drawn, block, threshold, scale, out=(scores, weights, mask))
            output[block] = torch.bmm(weights.mul_(mask), v).mul_(threshold.scale).view(output[block].shape)
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, bias, drawn = ctx.saved_tensors
        results = [torch.empty_like(each) for each in (query, key, value)]
        for block, (scores, weights, mask) in _blocks(drawn, _wide(query.dtype)):
            q, k, v, g = (_part(each, block) for each in (query, key, value, gradient))
            g = g * ctx.threshold.scale
            _attend(q, k, bias, drawn, block, ctx.threshold, ctx.scale, out=(scores, weights, mask))
            d_weights = torch.bmm(g, v.mT, out=scores).mul_(mask)
            d_value = torch.bmm(mask.mul_(weights).mT, g)
            d_scores = torch._softmax_backward_data(d_weights, weights, -1, weights.dtype, grad_input=scores)
            found = (torch.bmm(d_scores, k).mul_(ctx.scale), torch.bmm(d_scores.mT, q).mul_(ctx.scale), d_value)
            for result, part in zip(results, found, strict=True):
                result[block] = part.view(result[block].shape)
        return *results, None, None, None, None


Block = tuple[slice, slice]


def _blocks(drawn: Tensor, dtype: torch.dtype) -> Iterator[tuple[Block, list[Tensor]]]:
    """Slices of the batch and the heads with about ``BLOCK`` attention weights, and three buffers for each.

    The buffers ``(rows · heads, queries, keys)`` are the same memory for all blocks: memory that is used again stays
    in the cache.
    """
    batch, heads, queries, keys = drawn.shape
    most = -(-BLOCK // max(1, queries * keys))
    rows, heads_each = max(1, most // heads), min(most, heads)
    buffers = torch.empty(3, rows * heads_each, queries, keys, dtype=dtype)
    for row in range(0, batch, rows):
        for head in range(0, heads, heads_each):
            count = min(rows, batch - row) * min(heads_each, heads - head)
            yield (slice(row, row + rows), slice(head, head + heads_each)), list(buffers[:, :count])


def _part(tensor: Tensor, block: Block) -> Tensor:
    """The block ``(rows · heads, tokens, …)`` in at least single precision."""
    return tensor[block].flatten(0, 1).to(_wide(tensor.dtype))


def _attend(
    q: Tensor,
    k: Tensor,
    bias: Tensor | None,
    drawn: Tensor,
    block: Block,
    threshold: Threshold,
    scale: float,
    *,
    out: tuple[Tensor, Tensor, Tensor],
) -> None:
    """Scores, attention probabilities and the mask of 0 and 1 of one block, written into ``out``."""
    scores, weights, mask = out
    torch.baddbmm(scores, q, k.mT, beta=0, alpha=scale, out=scores)
    if bias is not None:
        scores.view(drawn[block].shape).add_(bias[block])
    torch.softmax(scores, -1, out=weights)
    torch.ge(drawn[block].flatten(0, 1), threshold.least, out=mask)
