"""The passes themselves: one variant of a model over one batch, again and again with the same random numbers."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

from torch import nn

from cmploss.ablation import Variant, nested_dropout
from cmploss.ablation.rng import draw_seed

Pass = Callable[[], Any]
"""Runs one variant and returns the model's outputs; every call repeats the same masks."""


def passes_of(model: nn.Module, inputs: Mapping[str, Any], variants: Sequence[Variant]) -> list[Pass]:
    """One pass per variant, all with the same seed, which is drawn anew for every call of this function."""
    seed = draw_seed() if any(variant.power for variant in variants) else 0
    return [partial(_run, model, inputs, variant, seed) for variant in variants]


def _run(model: nn.Module, inputs: Mapping[str, Any], variant: Variant, seed: int) -> Any:
    with _applied(model, variant, seed):
        return model(**inputs)


def _applied(model: nn.Module, variant: Variant, seed: int) -> AbstractContextManager[None]:
    if variant.power is None:
        return nullcontext()
    return nested_dropout(model, variant.power, seed=seed, p=variant.p)
