"""Fast dropout on the CPU: 16 random bits per element and step. A rate is a threshold on them, so masks nest.

Rates are rounded to multiples of 2⁻¹⁶, an error of at most 8·10⁻⁶. Kept elements are scaled by the rounded rate.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from math import sqrt
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cmploss.cpu import masks
from cmploss.cpu.attention import BlockedAttention, plain_attention
from cmploss.cpu.linear import FastLinear
from cmploss.cpu.masks import RandomBits, Rows, Threshold, compute_dtype, drop, mask_of

# A row whose largest bias is beyond this would lose digits in the log-sum-exp of blocked attention (−∞ all of them).
LARGE_BIAS = 64.0
_enabled = True


class FastDropout(FastLinear):
    """While active, replaces ``F.dropout``, ``scaled_dot_product_attention`` and ``F.linear`` for CPU tensors.

    Calls use the bits in order, whatever their rate, starting at ``number``. ``rows`` are the rows of the batch that
    the model reads, by default all.
    """

    def __init__(self, bits: RandomBits, number: int = 0, rows: Rows | None = None, *, enabled: bool = True):
        super().__init__()
        self.bits = bits
        self.number = number
        self.rows = rows
        self.enabled = enabled
        self.active = False

    @contextmanager
    def running(self) -> Iterator[None]:
        """Active for one forward pass."""
        self.active = True
        try:
            with self if self.enabled else nullcontext():
                yield
        finally:
            self.active = False

    def again_from(self, number: int) -> AbstractContextManager[Any]:
        """Active for a layer that is recomputed after the pass, from the number of the layer's first call."""
        return nullcontext() if self.active or not self.enabled else FastDropout(self.bits, number, self.rows)

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        call = _CALLS.get(func)
        if call is None:
            return super().__torch_function__(func, types, args, kwargs)
        self.number += 1
        return call(self, *args, **(kwargs or {}))

    def draw(self, shape: Sequence[int]) -> Tensor:
        """The random bits of the current call."""
        return self.bits.draw(self.number, shape, self.rows)


def fast_dropout(model: nn.Module, bits: RandomBits, rows: Rows | None = None, *, enabled: bool = True) -> FastDropout:
    """Fast dropout for one forward pass; it does nothing if no parameter of the model is on the CPU.

    >>> layer = nn.Dropout(0.5)
    >>> with fast_dropout(layer, RandomBits(0)).running():
    ...     layer(torch.ones(4))
    tensor([0., 2., 2., 2.])
    """
    devices = (parameter.device.type for parameter in model.parameters())
    on_cpu = next(devices, "cpu") == "cpu" or "cpu" in devices
    return FastDropout(bits, rows=rows, enabled=enabled and on_cpu)


@contextmanager
def plain_operations() -> Iterator[None]:
    """In this block, apply the same masks with PyTorch's ordinary operations, which are slower."""
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
    if not _enabled or differentiable or (bias is not None and bool((bias.amax(-1).abs() > LARGE_BIAS).any())):
        return plain_attention(query, key, value, bias, drawn, threshold, scale)
    blocked: Callable[..., Tensor] = BlockedAttention.apply
    return blocked(query, key, value, None if bias is None else bias.expand(shape), drawn, threshold, scale)


_CALLS: dict[Callable[..., Any], Callable[..., Tensor]] = {
    F.dropout: _dropout,
    F.scaled_dot_product_attention: _attention,
}


def _is_ours(tensor: Tensor, p: float) -> bool:
    return tensor.device.type == "cpu" and tensor.is_floating_point() and tensor.dim() > 0 and p < 1


def _bias(mask: Tensor | None, like: Tensor) -> Tensor | None:
    """What is added to the scores ``(batch, heads, queries, keys)``, each dimension of its own size or 1."""
    if mask is None:
        return None
    if mask.dtype == torch.bool:
        mask = torch.zeros(mask.shape).masked_fill_(~mask, -torch.inf)
    return mask[(None,) * (4 - mask.dim())].to(compute_dtype(like.dtype))


class _Dropout(torch.autograd.Function):
    """``y = M ∘ x`` and ``∂x = M ∘ ∂y``; the mask is made from its bits in blocks."""

    @staticmethod
    def forward(ctx: Any, input: Tensor, drawn: Tensor, threshold: Threshold) -> Tensor:
        ctx.save_for_backward(drawn)
        ctx.threshold = threshold
        return _masked(input, drawn, threshold)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (drawn,) = ctx.saved_tensors
        apply: Callable[..., Tensor] = _Dropout.apply  # linear, so the gradient has the same gradient
        return apply(gradient, drawn, ctx.threshold), None, None


def _masked(input: Tensor, drawn: Tensor, threshold: Threshold) -> Tensor:
    output = input.new_empty(input.shape)
    flat, result, bits = input.contiguous().view(-1), output.view(-1), drawn.view(-1)
    size = masks.BLOCK
    memory = torch.empty(min(size, len(flat)), dtype=compute_dtype(flat.dtype))
    for start in range(0, len(flat), size):
        part = slice(start, start + size)
        mask = memory[: len(flat[part])].copy_(bits[part])
        kept = drop(flat[part].to(mask.dtype), mask, threshold, out=mask)
        torch.mul(kept, threshold.scale, out=result[part])
    return output
