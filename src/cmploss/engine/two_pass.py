"""One graph at a time: outputs first, then every pass replayed with the gradient of its outputs."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import replace
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from cmploss.cpu import Rows
from cmploss.devices import autocast_kinds
from cmploss.engine.passes import Pass, replace_outputs

LONG = 2**11  # numbers of the largest input from which on half a batch takes hardly more than half the time
Scored = TypeVar("Scored", bound=Any)
Tensors = dict[str, Tensor]


def two_pass(model: nn.Module, passes: Sequence[Pass], score: Callable[[list[Any]], Scored]) -> Scored:
    """Score the outputs of all passes, one graph alive at a time.

    With outputs ``o_v`` of the variants and parameters ``θ``, ``∂L/∂θ = Σ_v (∂L/∂o_v) (∂o_v/∂θ)``: the first factors
    are computed now, from detached outputs; the sum is accumulated in the backward pass. The first variant runs last
    and keeps the graph of its pass. Every other one is replayed with a graph of its own. Where the rows of a batch do
    not depend on one another, rows whose gradient is zero are left out (common in comparative losses: a submodel that
    loses to nobody has weight zero), and at most half of a long batch is replayed at a time, so that no replay needs
    as much memory as the first graph. Not so under autocast, which would round the gradient of each half.

    Args:
        model: The model; under DistributedDataParallel only the last backward synchronises gradients.
        passes: Each repeats its random numbers.
        score: Outputs -> a dataclass with a scalar ``loss``.

    Returns:
        What ``score`` returned, its loss bound to the replays.
    """
    if not torch.is_grad_enabled():
        return score([run() for run in passes])
    first, *others = passes
    with torch.no_grad():
        lesser = [run() for run in others]
    with _no_sync(model):  # last, so that no other pass runs beside its graph
        kept = first()
    outputs = [kept, *lesser]
    leaves = [_leaves(output) for output in outputs]
    scored = score([replace_outputs(output, leaf) for output, leaf in zip(outputs, leaves, strict=True)])
    flat = [tensor for leaf in leaves for tensor in leaf.values()]
    autocast = _autocast_state()
    with _autocast(autocast, enabled=False):  # a backward pass under autocast would round products in losses
        found = iter(torch.autograd.grad(scored.loss, flat, allow_unused=True))
    gradients = [{name: next(found) for name in leaf} for leaf in leaves]
    used = [{name: value for name, value in row.items() if value is not None} for row in gradients]
    replays = [_Replay(run, leaf, row) for run, leaf, row in zip(others, leaves[1:], used[1:], strict=True)]
    anchor = torch.zeros((), device=scored.loss.device, requires_grad=True)
    bind: Any = _Bound.apply
    return replace(
        scored, loss=bind(anchor, scored.loss.detach(), _Backward(model, (kept, used[0]), replays, autocast))
    )


def _leaves(output: Any) -> Tensors:
    """The floating-point tensors of a model's output, as leaves that collect gradients."""
    return {
        name: value.detach().requires_grad_()
        for name, value in output.items()
        if isinstance(value, Tensor) and value.is_floating_point()
    }


class _Replay:
    """One pass that runs again with a graph, for all rows or for those that have a gradient."""

    def __init__(self, run: Pass, outputs: Tensors, gradients: Tensors):
        self.run = run
        self.gradients = gradients or {name: torch.zeros_like(value) for name, value in outputs.items()}
        self.outputs = {name: outputs[name].detach() for name in self.gradients}
        self.used = bool(gradients)

    def is_needed(self) -> bool:
        # Reading a tensor would make a GPU wait; there every replay is taken to be needed.
        return self.used and any(value.device.type != "cpu" or bool(value.any()) for value in self.gradients.values())

    def portions(self, *, halves: bool) -> Sequence[Rows | None]:
        """The rows with a gradient, perhaps by halves of the batch, if masks go by row; else None, which means all."""
        values = list(self.gradients.values())
        batch = len(values[0]) if values[0].dim() else 0
        if any(value.device.type != "cpu" or not value.dim() or len(value) != batch for value in values):
            return [None]
        if not self.run.masks_go_by_row(batch):
            return [None]
        needed = torch.stack([value.flatten(1).any(1) for value in values]).any(0).nonzero().flatten()
        halves = halves and self.run.size() >= LONG
        count = min(len(needed), -(-2 * len(needed) // batch) if halves else 1)
        return [Rows(some, batch) for some in needed.tensor_split(count)] if count else [None]

    def __call__(self, rows: Rows | None) -> tuple[Any, Tensors]:
        """A portion's outputs, with a graph, and their gradients."""
        if rows is None:
            return self.run(), self.gradients
        some = {name: rows.of(value) for name, value in self.gradients.items()}
        found = self.run(rows)
        if all(_agree(found[name], rows.of(value)) for name, value in self.outputs.items()):
            return found, some
        zeros = {name: torch.zeros_like(value) for name, value in self.gradients.items()}
        return self.run(), {name: zeros[name].index_copy_(0, rows.indices, value) for name, value in some.items()}


def _agree(found: Tensor, expected: Tensor) -> bool:
    """Whether a row does not depend on the others, up to rounding."""
    tolerance = 16 * torch.finfo(expected.dtype).eps ** 0.5 * expected.abs().max()
    return found.shape == expected.shape and bool(((found - expected).abs() <= tolerance).all())


class _Backward:
    """The second half: the gradient of every pass, one graph after the other."""

    def __init__(
        self,
        model: nn.Module,
        kept: tuple[Any, Tensors],
        replays: Sequence[_Replay],
        autocast: list[dict[str, Any]],
    ):
        self.model = model
        self.kept: tuple[Any, Tensors] | None = kept
        self.replays = list(replays)
        self.autocast = autocast

    def __call__(self, scale: Tensor) -> None:
        if self.kept is None:
            raise RuntimeError("the graphs of this loss were freed by its first backward pass; run the objective again")
        (outputs, gradients), all_replays = self.kept, self.replays
        self.kept, self.replays = None, []  # a loss that outlives its step holds neither graphs nor random bits
        replays = [replay for replay in all_replays if replay.is_needed()]
        if hasattr(self.model, "no_sync"):  # it learns from a last replay that the step is done, needed or not
            replays = replays or all_replays[:1]
        with _no_sync(self.model):
            _send(outputs, gradients, scale)
        del outputs
        # Under autocast the gradients of two halves would be rounded, each of its own.
        portions = [(replay, rows) for replay in replays for rows in replay.portions(halves=not self.autocast)]
        for number, (replay, rows) in enumerate(portions, 1):
            with nullcontext() if number == len(portions) else _no_sync(self.model):
                with torch.enable_grad(), _autocast(self.autocast):
                    outputs, gradients = replay(rows)
                _send(outputs, gradients, scale)
                del outputs


def _send(outputs: Any, gradients: Tensors, scale: Tensor) -> None:
    if gradients:
        torch.autograd.backward([outputs[name] for name in gradients], [row * scale for row in gradients.values()])


def _no_sync(model: nn.Module) -> AbstractContextManager[Any]:
    no_sync: Callable[[], AbstractContextManager[Any]] = getattr(model, "no_sync", nullcontext)
    return no_sync()


class _Bound(torch.autograd.Function):
    """A loss whose backward pass is a replay."""

    @staticmethod
    def forward(ctx: Any, anchor: Tensor, loss: Tensor, replay: _Backward) -> Tensor:
        ctx.replay = replay
        return loss.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, None, None]:
        ctx.replay(gradients[0])
        return None, None, None


@contextmanager
def _autocast(states: list[dict[str, Any]], **changes: Any) -> Iterator[None]:
    with ExitStack() as stack:
        for state in states:
            stack.enter_context(torch.autocast(**{**state, **changes}))
        yield


def _autocast_state() -> list[dict[str, Any]]:
    return [
        {
            "device_type": kind,
            "dtype": torch.get_autocast_dtype(kind),
            "cache_enabled": torch.is_autocast_cache_enabled(),
        }
        for kind in autocast_kinds()
        if torch.is_autocast_enabled(kind)
    ]
