"""One graph at a time: outputs first, then every pass replayed with the gradient of its outputs."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import replace
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule, FullyShardedDataParallel

from cmploss.cpu import Rows
from cmploss.devices import autocast_kinds
from cmploss.engine.output_tree import map_tensors, tensors_of
from cmploss.engine.passes import Pass

LONG = 2**11  # elements of the largest input; above this, half a batch takes about half the time
EXACT = (torch.float32, torch.float64)
Scored = TypeVar("Scored", bound=Any)
Gradients = dict[int, Tensor]
"""Index of a tensor among the outputs (see :func:`tensors_of`) -> its gradient."""


def two_pass(model: nn.Module, passes: Sequence[Pass], score: Callable[[list[Any]], Scored]) -> Scored:
    """Score the outputs of all passes, with one graph alive at a time.

    With outputs ``o_v`` of the variants and parameters ``θ``, ``∂L/∂θ = Σ_v (∂L/∂o_v) (∂o_v/∂θ)`` plus the gradient of
    parameters that ``score`` reads directly. ``∂L/∂o_v`` is computed now, from detached outputs; the sum is accumulated
    in the backward pass. The first variant runs last and keeps its graph. Every other variant is replayed with its own
    graph, and its outputs are compared with those of its first run. ``backward()`` raises a ``RuntimeError`` if they
    differ. This function raises one if ``score`` reads tensors of a forward pass that are not among the outputs.

    In single precision on a CPU, if the rows of a batch do not depend on one another, rows whose gradient is zero are
    left out. This is common: with one submodel, its weight is zero on every example on which it beats the full model.
    At most half of a long batch is replayed at a time, so that no replay needs as much memory as the first graph. In
    lower precision whole batches are replayed, because the gradient of each part would be rounded. Under
    DistributedDataParallel only the last backward pass synchronises gradients. FSDP gathers weights in every pass, so
    every process replays all passes, whole.
    """
    if not torch.is_grad_enabled():
        return score([run() for run in passes])
    first, *others = passes
    with torch.no_grad():
        submodels = [run() for run in others]
    with _no_sync(model):  # last, so that no other pass runs while its graph is in memory
        kept = tensors_of(kept_outputs := first())
    with_graph = [tensor.requires_grad for tensor in kept]
    trees = [_detached(outputs, with_graph) for outputs in (kept_outputs, *submodels)]
    scored = score([outputs for outputs, _ in trees])
    if not scored.loss.requires_grad:
        return scored
    leaves = [leaf for _, row in trees for leaf in row]
    read = _other_leaves(scored.loss, leaves, kept)
    autocast = _autocast_state()
    with _autocast(autocast, enabled=False):  # a backward pass under autocast would round products in losses
        wanted = [tensor for tensor in (*leaves, *read) if tensor.requires_grad]
        found = torch.autograd.grad(scored.loss, wanted, allow_unused=True)
    gradient_of = {id(tensor): value for tensor, value in zip(wanted, found, strict=True) if value is not None}
    used = [
        {number: gradient_of[id(leaf)] for number, leaf in enumerate(row) if id(leaf) in gradient_of}
        for _, row in trees
    ]
    own = [(tensor, gradient_of[id(tensor)]) for tensor in read if id(tensor) in gradient_of]
    exact = not autocast and all(p.dtype in EXACT for p in model.parameters() if p.is_floating_point())
    replays = [
        _Replay(run, [leaf.detach() for leaf in row], gradients, exact)
        for run, (_, row), gradients in zip(others, trees[1:], used[1:], strict=True)
    ]
    anchor = torch.zeros((), device=scored.loss.device, requires_grad=True)
    bind: Any = _Bound.apply
    backward = _Backward(model, (kept, used[0]), replays, own, autocast)
    return replace(scored, loss=bind(anchor, scored.loss.detach(), backward))


def _detached(outputs: Any, with_graph: Sequence[bool]) -> tuple[Any, list[Tensor]]:
    """The outputs with leaves in place of their tensors, and these leaves; those without a graph need no gradient."""
    leaves: list[Tensor] = []
    same_form = len(tensors_of(outputs)) == len(with_graph)

    def leaf_of(tensor: Tensor) -> Tensor:
        leaves.append(tensor.detach().requires_grad_(not same_form or with_graph[len(leaves)]))
        return leaves[-1]

    return map_tensors(outputs, leaf_of), leaves


def _other_leaves(loss: Tensor, leaves: Sequence[Tensor], kept: Sequence[Tensor]) -> list[Tensor]:
    """Leaves of the loss that are not outputs, such as parameters of the loss itself."""
    ours = {id(leaf) for leaf in leaves}
    nodes = _graph_of([loss])
    found = [node.variable for node in nodes if hasattr(node, "variable") and id(node.variable) not in ours]
    if found and any(not hasattr(node, "variable") for node in nodes & _graph_of(kept)):
        raise RuntimeError(
            "the loss reads tensors of the model's forward pass that are not among its outputs; add them to the "
            "outputs, or use engine='joint'"
        )
    return found


def _graph_of(tensors: Sequence[Tensor]) -> set[Any]:
    found: set[Any] = set()
    waiting = [tensor.grad_fn for tensor in tensors]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in found:
            found.add(node)
            waiting += [parent for parent, _ in node.next_functions]
    return found


class _Replay:
    """One pass that runs again with a graph, for all rows or for those that have a gradient."""

    def __init__(self, run: Pass, outputs: Sequence[Tensor], gradients: Gradients, exact: bool):
        self.run = run
        self.exact = exact
        self.used = bool(gradients)
        self.gradients = gradients or {number: torch.zeros_like(value) for number, value in enumerate(outputs)}
        self.outputs = {number: outputs[number] for number in self.gradients}

    def is_needed(self) -> bool:
        # Reading a tensor would make a GPU wait, so on a GPU every replay runs.
        return self.used and any(value.device.type != "cpu" or bool(value.any()) for value in self.gradients.values())

    def portions(self) -> Sequence[Rows | None]:
        """The rows with a gradient, in up to two halves, if masks are per row; else ``[None]``: all rows."""
        values = list(self.gradients.values())
        batch = len(values[0]) if values[0].dim() else 0
        if any(value.device.type != "cpu" or not value.dim() or len(value) != batch for value in values):
            return [None]
        if not self.exact or not self.run.masks_go_by_row(batch):
            return [None]
        needed = torch.stack([value.reshape(batch, -1).any(1) for value in values]).any(0).nonzero().flatten()
        halves = self.run.size() >= LONG
        count = min(len(needed), -(-2 * len(needed) // batch) if halves else 1)
        return [Rows(some, batch) for some in needed.tensor_split(count)] if count else [None]

    def __call__(self, rows: Rows | None) -> tuple[list[Tensor], Gradients, Tensor | None]:
        """Outputs of a portion with a graph, their gradients, and the deviation of whole outputs from the first run."""
        if rows is None:
            found = tensors_of(self.run())
            return found, self.gradients, self._deviation(found)
        some = {number: rows.of(value) for number, value in self.gradients.items()}
        found = tensors_of(self.run(rows))
        if self._rows_agree(found, rows):
            return found, some, None
        zeros = {number: torch.zeros_like(value) for number, value in self.gradients.items()}
        spread = {number: zeros[number].index_copy_(0, rows.indices, value) for number, value in some.items()}
        found = tensors_of(self.run())
        return found, spread, self._deviation(found)

    def _rows_agree(self, found: Sequence[Tensor], rows: Rows) -> bool:
        """Whether these rows do not depend on the others, up to rounding."""
        for number, value in self.outputs.items():
            expected = rows.of(value)
            if number >= len(found) or found[number].shape != expected.shape:
                return False
            if not ((found[number] - expected).abs() <= 1e-4 * value.abs().max()).all():
                return False
        return True

    def _deviation(self, found: Sequence[Tensor]) -> Tensor:
        """Largest ``‖found − expected‖ / ‖expected‖`` over the tolerance; 0 for outputs that were not finite."""
        tolerance = 5e-3 if self.exact else 5e-2
        results = []
        for number, expected in self.outputs.items():
            if number >= len(found) or found[number].shape != expected.shape:
                return expected.new_full((), torch.inf, dtype=torch.float32)
            distance, norm = (each.detach().float().norm() for each in (found[number] - expected, expected))
            results.append(torch.where(norm.isfinite(), (distance / norm.clamp_min(1e-30)).nan_to_num(torch.inf), 0))
        return torch.stack(results).max() / tolerance


class _Backward:
    def __init__(
        self,
        model: nn.Module,
        kept: tuple[list[Tensor], Gradients],
        replays: Sequence[_Replay],
        own: list[tuple[Tensor, Tensor]],
        autocast: list[dict[str, Any]],
    ):
        self.model = model
        self.kept: tuple[list[Tensor], Gradients] | None = kept
        self.replays = list(replays)
        self.own = own
        self.autocast = autocast

    def __call__(self, scale: Tensor) -> None:
        if self.kept is None:
            raise RuntimeError("the graphs of this loss were freed by its first backward pass; run the objective again")
        (outputs, gradients), all_replays, own = self.kept, self.replays, self.own
        self.kept, self.replays, self.own = None, [], []  # a loss that outlives its step holds no graphs or random bits
        if any(isinstance(module, (FSDPModule, FullyShardedDataParallel)) for module in self.model.modules()):
            portions: list[tuple[_Replay, Rows | None]] = [(replay, None) for replay in all_replays]
        else:
            replays = [replay for replay in all_replays if replay.is_needed()]
            if hasattr(self.model, "no_sync"):  # one backward pass must synchronise gradients
                replays = replays or all_replays[:1]
            portions = [(replay, rows) for replay in replays for rows in replay.portions()]
        with _no_sync(self.model):
            _send(outputs, gradients, scale, [] if portions else own)
        del outputs
        deviations = {}
        for number, (replay, rows) in enumerate(portions, 1):
            last = number == len(portions)
            with nullcontext() if last else _no_sync(self.model):
                with torch.enable_grad(), _autocast(self.autocast):
                    outputs, gradients, deviation = replay(rows)
                _send(outputs, gradients, scale, own if last else [])
                del outputs
            if deviation is not None:
                deviations[replay.run.variants[0].name] = deviation
        if deviations and bool((torch.stack([*deviations.values()]) > 1).any()):  # one read, one wait for a GPU
            name = max(deviations, key=lambda each: float(deviations[each]))
            raise RuntimeError(
                f"two_pass: the replay of variant {name!r} computed other outputs than its first run, so its gradient "
                "would be wrong. The model draws random numbers that cannot be replayed. "
                "Use engine='joint' (--engine joint)"
            )


def _send(outputs: Sequence[Tensor], gradients: Gradients, scale: Tensor, own: Sequence[tuple[Tensor, Tensor]]) -> None:
    roots = [(outputs[number], row) for number, row in gradients.items() if outputs[number].requires_grad]
    roots += own  # in the same backward pass as the outputs: a parameter may be read by both
    if roots:
        torch.autograd.backward([tensor for tensor, _ in roots], [row * scale for _, row in roots])


def _no_sync(model: nn.Module) -> AbstractContextManager[Any]:
    no_sync: Callable[[], AbstractContextManager[Any]] = getattr(model, "no_sync", nullcontext)
    return no_sync()


class _Bound(torch.autograd.Function):
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
