"""The choice of the engine."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from torch import nn

from cmploss.ablation import Variant
from cmploss.engine.passes import passes_of
from cmploss.engine.two_pass import Scored, two_pass
from cmploss.losses.reduction import check_option

Engine = Literal["auto", "joint", "two_pass"]
ENGINES: tuple[Engine, ...] = ("auto", "joint", "two_pass")


def run_passes(
    model: nn.Module,
    views: Sequence[Mapping[str, Any]],
    variants: Sequence[Variant],
    score: Callable[[list[Any]], Scored],
    *,
    engine: Engine = "auto",
) -> Scored:
    """Run every variant of ``model`` over one batch with the same random numbers, and score their outputs.

    Args:
        model: The model.
        views: Keyword arguments of its forward pass for each view of the batch, the full view first.
        variants: The plan, which says what view each variant reads.
        score: Outputs of the variants -> anything with a scalar ``loss``.
        engine: ``"joint"`` keeps every pass in one autograd graph. ``"two_pass"`` keeps one graph at a time: it runs
            every pass without a graph, takes the gradient of the loss with respect to the outputs, and in the backward
            pass replays one variant after the other with it; memory does not grow with the number of passes, and
            every pass costs one more forward. ``"auto"`` is ``"joint"``. Both have equal gradients.

    Returns:
        What ``score`` returned; ``backward()`` of its loss reaches the model's parameters.

    Raises:
        ValueError: For an unknown engine, or as :func:`cmploss.nested_dropout`.
    """
    check_option("engine", engine, ENGINES)
    passes = passes_of(model, views, variants)
    if engine == "two_pass" and len(variants) > 1:
        return two_pass(model, passes, score)
    return score([run() for run in passes])
