"""One graph at a time: outputs first, then every pass replayed with the gradient of its outputs."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import replace
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from cmploss.engine.passes import Pass

Scored = TypeVar("Scored", bound=Any)


def two_pass(model: nn.Module, passes: Sequence[Pass], score: Callable[[list[Any]], Scored]) -> Scored:
    """Score the outputs of all passes without keeping their graphs.

    With outputs ``o_v`` of the variants and parameters ``θ``, ``∂L/∂θ = Σ_v (∂L/∂o_v) (∂o_v/∂θ)``: the first factors
    are computed now, from detached outputs; the sum is accumulated in the backward pass, one replayed graph at a time.
    A pass whose gradient is zero for every row is not replayed.

    Args:
        model: The model; under DistributedDataParallel only the last replay synchronises gradients.
        passes: Each repeats its random numbers.
        score: Outputs -> a dataclass with a scalar ``loss``.

    Returns:
        What ``score`` returned, its loss bound to the replays.
    """
    with torch.no_grad():
        outputs = [run() for run in passes]
    if not torch.is_grad_enabled():
        return score(outputs)
    leaves = [_leaves(output) for output in outputs]
    scored = score([type(output)(**{**output, **leaf}) for output, leaf in zip(outputs, leaves, strict=True)])
    flat = [tensor for leaf in leaves for tensor in leaf.values()]
    found = iter(torch.autograd.grad(scored.loss, flat, allow_unused=True))
    gradients: list[dict[str, Tensor | None]] = [{name: next(found) for name in leaf} for leaf in leaves]
    replay = _Replay(model, passes, gradients)
    anchor = torch.zeros((), device=scored.loss.device, requires_grad=True)
    bind: Any = _Bound.apply
    return replace(scored, loss=bind(anchor, scored.loss.detach(), replay))


def _leaves(output: Any) -> dict[str, Tensor]:
    """The floating-point tensors of a model's output, as leaves that collect gradients."""
    return {
        name: value.detach().requires_grad_()
        for name, value in output.items()
        if isinstance(value, Tensor) and value.is_floating_point()
    }


class _Replay:
    """The second half: run every pass again, with a graph, and send its gradient through."""

    def __init__(self, model: nn.Module, passes: Sequence[Pass], gradients: Sequence[dict[str, Tensor | None]]):
        used = [{name: value for name, value in row.items() if value is not None} for row in gradients]
        self.model = model
        self.steps = [(run, row) for run, row in zip(passes, used, strict=True) if row]
        self.autocast = _autocast_state()

    def __call__(self, scale: Tensor) -> None:
        # Were every gradient zero, one pass would still have to tell DistributedDataParallel that it is done.
        steps = [(run, row) for run, row in self.steps if any(value.any() for value in row.values())] or self.steps[:1]
        for number, (run, row) in enumerate(steps, 1):
            with self._synchronised(last=number == len(steps)):
                with torch.enable_grad(), ExitStack() as stack:
                    for state in self.autocast:
                        stack.enter_context(torch.autocast(**state))
                    outputs = run()
                names = list(row)
                torch.autograd.backward([outputs[name] for name in names], [row[name] * scale for name in names])

    def _synchronised(self, last: bool) -> AbstractContextManager[None]:
        no_sync = getattr(self.model, "no_sync", None)
        return nullcontext() if last or no_sync is None else no_sync()


class _Bound(torch.autograd.Function):
    """A loss whose backward pass is a replay."""

    @staticmethod
    def forward(ctx: Any, anchor: Tensor, loss: Tensor, replay: _Replay) -> Tensor:
        ctx.replay = replay
        return loss.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, None, None]:
        ctx.replay(gradients[0])
        return None, None, None


def _autocast_state() -> list[dict[str, Any]]:
    kinds = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    return [
        {
            "device_type": kind,
            "dtype": torch.get_autocast_dtype(kind),
            "cache_enabled": torch.is_autocast_cache_enabled(),
        }
        for kind in kinds
        if torch.is_autocast_enabled(kind)
    ]
