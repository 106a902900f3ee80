"""Dropout on the CPU at a fraction of its usual cost, and nested for every rate from one draw of random numbers.

Half the time of a training step on a CPU can go into drawing one random float for each attention weight and into the
memory that its mask moves. Here each application of dropout draws 16 random bits per element once a step; a rate is a
threshold on them, so one draw serves every power, both directions and every replay.

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

from cmploss.cpu import masks
from cmploss.cpu.attention import blocked_attention, plain_attention
from cmploss.cpu.masks import Threshold, drop, mask_of, wide
from cmploss.cpu.random_bits import RandomBits, Rows

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
        return (input * mask_of(drawn, threshold, input.dtype)).to(input.dtype)
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
        return plain_attention(query, key, value, bias, drawn, threshold, scale)
    return blocked_attention(query, key, value, bias, drawn, threshold, scale)


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
    return mask[(None,) * (4 - mask.dim())].to(wide(like.dtype))


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
    size = masks.BLOCK
    memory = torch.empty(min(size, len(flat)), dtype=wide(flat.dtype))
    for start in range(0, len(flat), size):
        part = slice(start, start + size)
        mask = memory[: len(flat[part])].copy_(bits[part])
        kept = drop(flat[part].to(mask.dtype), mask, threshold, out=mask)
        torch.mul(kept, threshold.scale, out=result[part])
    return output
