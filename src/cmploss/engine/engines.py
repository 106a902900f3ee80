"""The choice of the engine."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import nn

from cmploss.ablation import Variant
from cmploss.choices import ENGINES, Engine, check_option
from cmploss.engine.passes import Forward, passes_of, plain_forward
from cmploss.engine.two_pass import Scored, two_pass

JOINT_PASSES = 2  # two graphs need about the memory of plain fine-tuning; each further graph adds as much


def run_passes(
    model: nn.Module,
    views: Sequence[Mapping[str, Any]],
    variants: Sequence[Variant],
    score: Callable[[list[Any]], Scored],
    *,
    engine: Engine = "auto",
    forward: Forward = plain_forward,
) -> Scored:
    """Run every variant of ``model`` over one batch, and score their outputs; gradients of both engines are equal.

    Args:
        model: The model.
        views: Keyword arguments of its forward pass for each view of the batch, the full view first.
        variants: The plan.
        score: Outputs of the variants -> anything with a scalar ``loss``.
        engine: ``"joint"`` keeps every pass in one autograd graph: fastest, but memory grows with the number of passes.
            ``"two_pass"`` keeps one graph at a time: every pass but the first costs one more forward. ``"auto"`` is
            ``"joint"`` for up to two passes and ``"two_pass"`` for more.
        forward: How one pass is run; it may add tensors to the outputs.
    """
    check_option("engine", engine, ENGINES)
    passes = passes_of(model, views, variants, forward)
    if engine == "auto":
        engine = "joint" if len(passes) <= JOINT_PASSES else "two_pass"

    def score_passes(found: Sequence[Sequence[Any]]) -> Scored:
        pairs = zip(passes, found, strict=True)
        outputs = {variant: each for run, of in pairs for variant, each in zip(run.variants, of, strict=True)}
        return score([outputs[variant] for variant in variants])

    if engine == "two_pass" and len(passes) > 1:
        return two_pass(model, passes, score_passes)
    return score_passes([run() for run in passes])
