"""Attention with dropout on the CPU, a few heads at a time: scores, probabilities and masks stay in the cache.

Of the tensors as large as the scores, only the random bits are kept; the backward pass computes the others again.
"""

from collections.abc import Iterator
from itertools import repeat
from math import prod
from typing import Any

import torch
from torch import Tensor

from cmploss.cpu import masks
from cmploss.cpu.masks import Threshold, compute_dtype, drop, mask_of


def plain_attention(
    query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, drawn: Tensor, threshold: Threshold, scale: float
) -> Tensor:
    """``(M ∘ softmax(scale·QKᵀ + bias)) V``; a query that may attend to nothing gets zeros, as in PyTorch."""
    dtype = compute_dtype(query.dtype)
    with torch.autocast("cpu", enabled=False):
        scores = scale * (query.to(dtype) @ key.to(dtype).mT)
        if bias is not None:
            scores = scores + bias
        nothing = (scores == -torch.inf).all(-1, keepdim=True)
        probabilities = scores.masked_fill(nothing, 0).softmax(-1).masked_fill(nothing, 0)
        return ((probabilities * mask_of(drawn, threshold, dtype)) @ value.to(dtype)).to(query.dtype)


class BlockedAttention(torch.autograd.Function):
    """:func:`plain_attention` in blocks; the bias has no gradient, and every query attends to at least one key.

    With ``S = scale·QKᵀ + bias``, ``P = softmax(S) = exp(S − L)`` and the scaled mask ``M``: ``O = (M ∘ P) V``, so
    ``∂V = (M ∘ P)ᵀ ∂O``, ``∂P = M ∘ (∂O Vᵀ)``, ``∂S = P ∘ (∂P − rowsum(∂P ∘ P))``, ``∂Q = scale·∂S K``,
    ``∂K = scale·∂Sᵀ Q``. Only ``L``, one number per query, is kept.
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
        output = query.new_empty(query.shape[0], query.shape[2], query.shape[1], value.shape[3]).transpose(1, 2)
        log_sums = drawn.new_empty(*drawn.shape[:3], 1, dtype=compute_dtype(query.dtype))
        size = _block_size(drawn)
        buffers = torch.empty(2, prod(size), *drawn.shape[2:], dtype=log_sums.dtype).unbind()
        for bias_part, bits_part, *parts, o, log_sum in _blocks(size, bias, drawn, query, key, value, output, log_sums):
            q, k, v = (_flat(part, log_sums.dtype) for part in parts)
            scores, bits = (buffer[: len(q)] for buffer in buffers)
            _score(q, k, bias_part, scale, out=scores)
            top = scores.amax(-1, keepdim=True)
            weights = scores.sub_(top).exp_()
            sums = weights.sum(-1, keepdim=True)
            drop(weights, bits.copy_(bits_part.flatten(0, 1)), threshold, out=weights)
            o.copy_(torch.bmm(weights, v).mul_(threshold.scale / sums).view(o.shape))
            log_sum.copy_(sums.log_().add_(top).view(log_sum.shape))
        ctx.save_for_backward(query, key, value, bias, drawn, log_sums)
        ctx.threshold, ctx.scale = threshold, scale
        return output

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, bias, drawn, log_sums = ctx.saved_tensors
        if torch.is_grad_enabled():  # create_graph=True: the gradient has a gradient
            inputs = [each for each in (query, key, value) if each.requires_grad]
            output = plain_attention(query, key, value, bias, drawn, ctx.threshold, ctx.scale)
            gradients = iter(torch.autograd.grad(output, inputs, gradient, create_graph=True))
            of_inputs = (next(gradients) if each.requires_grad else None for each in (query, key, value))
            return *of_inputs, None, None, None, None
        results = [torch.empty_like(each) for each in (query, key, value)]
        size = _block_size(drawn)
        buffers = torch.empty(3, prod(size), *drawn.shape[2:], dtype=log_sums.dtype).unbind()
        for bias_part, bits_part, *parts in _blocks(size, bias, drawn, query, key, value, gradient, log_sums, *results):
            q, k, v, g, log_sum = (_flat(part, log_sums.dtype) for part in parts[:5])
            scores, bits, weights = (buffer[: len(q)] for buffer in buffers)
            g = g * ctx.threshold.scale
            _score(q, k, bias_part, ctx.scale, out=weights)
            weights.sub_(log_sum).exp_()
            bits.copy_(bits_part.flatten(0, 1))
            d_weights = drop(torch.bmm(g, v.mT, out=scores), bits, ctx.threshold, out=scores)
            d_value = torch.bmm(drop(weights, bits, ctx.threshold, out=bits).mT, g)
            d_scores = torch._softmax_backward_data(d_weights, weights, -1, weights.dtype, grad_input=scores)
            found = (torch.bmm(d_scores, k).mul_(ctx.scale), torch.bmm(d_scores.mT, q).mul_(ctx.scale), d_value)
            for result, part in zip(parts[5:], found, strict=True):
                result.copy_(part.view(result.shape))
        return *results, None, None, None, None


def _block_size(drawn: Tensor) -> tuple[int, int]:
    """Rows and heads ``(rows, heads)`` that have about ``BLOCK`` attention weights."""
    batch, heads, queries, keys = drawn.shape
    most = -(-masks.BLOCK // max(1, queries * keys))
    return min(max(1, most // heads), batch), min(most, heads)


def _blocks(size: tuple[int, int], *tensors: Tensor | None) -> Iterator[tuple[Any, ...]]:
    """The parts ``(rows, heads, …)`` of all tensors, block after block; None for a tensor that is None."""
    rows, heads = size

    def parts(tensor: Tensor) -> list[Tensor]:
        return [part for some in torch.split(tensor, rows) for part in torch.split(some, heads, 1)]

    return zip(*(repeat(None) if each is None else parts(each) for each in tensors), strict=False)


def _flat(part: Tensor, dtype: torch.dtype) -> Tensor:
    return part.flatten(0, 1).to(dtype)


def _score(q: Tensor, k: Tensor, bias: Tensor | None, scale: float, *, out: Tensor) -> None:
    torch.baddbmm(out, q, k.mT, beta=0, alpha=scale, out=out)
    if bias is not None:
        out.add_(bias.flatten(0, 1))
