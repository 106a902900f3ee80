"""How the passes of a plan are run over one batch."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

from torch import nn

from cmploss.ablation import Variant, nested_dropout
from cmploss.ablation.rng import draw_seed
from cmploss.losses.reduction import check_option

Engine = Literal["auto", "joint"]
ENGINES: tuple[Engine, ...] = ("auto", "joint")


def run_passes(
    model: nn.Module, inputs: Mapping[str, Any], variants: Sequence[Variant], *, engine: Engine = "auto"
) -> list[Any]:
    """Run every variant of ``model`` over one batch with the same random numbers.

    Args:
        model: The model.
        inputs: Keyword arguments of its forward pass.
        variants: The plan.
        engine: ``"joint"`` keeps every pass in one autograd graph; ``"auto"`` is ``"joint"``.

    Returns:
        The model's outputs, one per variant.

    Raises:
        ValueError: For an unknown engine, or as :func:`cmploss.nested_dropout`.
    """
    check_option("engine", engine, ENGINES)
    seed = draw_seed() if any(variant.power for variant in variants) else 0
    outputs = []
    for variant in variants:
        with _applied(model, variant, seed):
            outputs.append(model(**inputs))
    return outputs


def _applied(model: nn.Module, variant: Variant, seed: int) -> AbstractContextManager[None]:
    if variant.power is None:
        return nullcontext()
    return nested_dropout(model, variant.power, seed=seed, p=variant.p)
