"""The choice of the engine."""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

from torch import nn

from cmploss.ablation import Variant, forward_passes
from cmploss.ablation.sites import is_compiled
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

    Raises:
        ValueError: For an unknown engine, or a compiled model and a plan that :func:`check_compiled` refuses.
    """
    check_option("engine", engine, ENGINES)
    if is_compiled(model):
        check_compiled(variants, engine)
    passes = passes_of(model, views, variants, forward)

    def score_passes(found: Sequence[Sequence[Any]]) -> Scored:
        pairs = zip(passes, found, strict=True)
        outputs = {variant: each for run, of in pairs for variant, each in zip(run.variants, of, strict=True)}
        return score([outputs[variant] for variant in variants])

    if replays(variants, engine):
        if hasattr(model, "no_sync") and any(variant.layers for variant in variants):
            raise ValueError(
                "engine two_pass cannot synchronise layers that its last pass does not have; use engine='joint' "
                "(--engine joint) for CmpLayer on several processes"
            )
        return two_pass(model, passes, score_passes)
    return score_passes([run() for run in passes])


def replays(variants: Sequence[Variant], engine: Engine) -> bool:
    """Whether this engine repeats passes of the plan."""
    passes = len(forward_passes(variants))
    if engine == "auto":
        return passes > JOINT_PASSES
    return engine == "two_pass" and passes > 1


def check_compiled(variants: Sequence[Variant], engine: Engine) -> None:
    """Refuse a plan in which two passes need the same dropout masks: each graph of a compiled model draws its own.

    Raises:
        ValueError: It names the passes and the remedy.
    """
    random = [variant for variant in variants if variant.power != 0]
    for one, other in combinations(random, 2):
        if one.mask_seed_index == other.mask_seed_index:
            raise ValueError(
                f"the passes {one.name} and {other.name} need the same dropout masks, but each graph of a compiled "
                "model draws its own; train without torch_compile"
            )
    if replays(variants, engine) and any(variant.power != 0 for variant in variants[1:]):
        raise ValueError(
            "engine two_pass repeats dropout masks, but each graph of a compiled model draws its own; use "
            "engine='joint' (--engine joint), or train without torch_compile"
        )
