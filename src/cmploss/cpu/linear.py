"""Linear layers by oneDNN on CPUs of AMD with AVX-512, where it is twice as fast as MKL."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

LEAST = 2**21  # multiplications of the product; below, oneDNN's 15 µs per call are not regained
_PLAIN = (Tensor, nn.Parameter)


class FastLinear(TorchFunctionMode):
    """While active, computes ``F.linear`` in single precision by oneDNN on CPUs where that is faster."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return (_linear if func is F.linear else func)(*args, **(kwargs or {}))


@cache
def mkl_is_slow() -> bool:
    """Whether this is a CPU of AMD with AVX-512, which MKL uses as if it had AVX2 only."""
    try:
        vendor = "AuthenticAMD" in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        vendor = False
    wide = torch.backends.cpu.get_cpu_capability() == "AVX512"
    return vendor and wide and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def _linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    usable = (
        not torch.compiler.is_compiling()
        and mkl_is_slow()
        and type(input) in _PLAIN
        and type(weight) in _PLAIN
        and input.device.type == "cpu"
        and input.dtype == weight.dtype == torch.float32
        and input.dim() >= weight.dim() == 2
        and input.numel() * len(weight) >= LEAST
        and not torch.is_autocast_enabled("cpu")
    )
    if not usable:
        return F.linear(input, weight, bias)
    apply: Callable[..., Tensor] = _Linear.apply
    return apply(input, weight, bias)


class _Linear(torch.autograd.Function):
    """``Y = XWᵀ + b``, ``∂X = ∂Y W``, ``∂W = ∂Yᵀ X``, ``∂b = Σ ∂Y``; the gradient has a gradient."""

    @staticmethod
    def forward(ctx: Any, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(input, weight)
        output: Tensor = torch.ops.mkldnn._linear_pointwise(input, weight, bias, "none", [], "")
        return output

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        input, weight = ctx.saved_tensors
        of_input, of_weight, of_bias = ctx.needs_input_grad
        flat = gradient.flatten(0, -2)
        product: Callable[..., Tensor] = _Linear.apply
        return (
            product(gradient, weight.mT, None) if of_input else None,
            product(flat.mT, input.flatten(0, -2).mT, None) if of_weight else None,
            flat.sum(0) if of_bias else None,
        )
