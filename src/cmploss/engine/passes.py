"""A pass: variants of a model that share their layers, over one batch. It can be repeated with the same masks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from cmploss.ablation import Variant, forward_passes
from cmploss.ablation.depths import at_depths
from cmploss.ablation.dropout import ablated, own_dropout
from cmploss.ablation.rng import draw_seed
from cmploss.cpu import RandomBits, Rows
from cmploss.engine.output_tree import map_tensors, tensors_of

Outputs = TypeVar("Outputs")
Forward = Callable[[nn.Module, Mapping[str, Any]], Any]
"""(model, inputs) -> the model's outputs, possibly with more named tensors."""


def plain_forward(model: nn.Module, inputs: Mapping[str, Any]) -> Any:
    """The model's own forward pass."""
    return model(**inputs)


@dataclass(frozen=True)
class Pass:
    """Runs variants of a model that differ in depth alone over a batch; every call repeats the same masks.

    A call returns the outputs of each variant.
    """

    model: nn.Module
    inputs: Mapping[str, Any]
    variants: Sequence[Variant]
    bits: RandomBits
    forward: Forward = plain_forward

    def __call__(self, rows: Rows | None = None) -> list[Any]:
        # Weights that autocast has cast for one pass are not kept for the next: the gradients of the passes add up in
        # the weights' own precision, and a cast that was made without a graph is never used with one.
        torch.clear_autocast_cache()
        inputs = self.inputs if rows is None else {name: _of_rows(value, rows) for name, value in self.inputs.items()}
        depths, gradient = [variant.layers for variant in self.variants], self.variants[-1].exit_gradient
        with self._ablated(rows) as restart:
            return in_one_forward(
                self.model,
                inputs,
                lambda model: at_depths(
                    model, depths, lambda: self.forward(model, inputs), restart=restart, exit_gradient=gradient
                ),
            )

    def masks_go_by_row(self, batch: int) -> bool:
        """Whether every dropout of the calls so far can be repeated for some rows of the batch alone."""
        return self.bits.leading == {batch}

    def size(self) -> int:
        """Numbers in the largest input, mostly the tokens of the batch with its padding."""
        return max((value.numel() for value in self.inputs.values() if isinstance(value, Tensor)), default=0)

    def _ablated(self, rows: Rows | None) -> Any:
        variant = self.variants[0]
        if variant.power is None:
            return own_dropout(self.model, bits=self.bits, rows=rows)
        return ablated(self.model, variant.power, bits=self.bits, p=variant.p, rows=rows)


def passes_of(
    model: nn.Module, views: Sequence[Mapping[str, Any]], variants: Sequence[Variant], forward: Forward = plain_forward
) -> list[Pass]:
    """The passes of a plan. Variants with the same mask seed share random numbers, which are new in every call."""
    # Checkpointing trades time for memory, so random bits are drawn again too.
    checkpointing = any(getattr(module, "gradient_checkpointing", False) for module in model.modules())
    needed = sorted({variant.mask_seed_index for variant in variants if variant.power != 0})
    bits = {index: RandomBits(draw_seed(), keep=not checkpointing) for index in needed}
    unused = bits.get(0) or RandomBits(0)  # for variants without dropout
    return [
        Pass(model, views[first.view], (first, *exits), bits.get(first.mask_seed_index, unused), forward)
        for first, *exits in map(_with_one_factor, forward_passes(variants))
    ]


def _with_one_factor(variants: Sequence[Variant]) -> Sequence[Variant]:
    """The variants of one pass; refuses different factors of the gradients of submodels with fewer layers."""
    if len({variant.exit_gradient for variant in variants if variant.layers is not None}) > 1:
        raise ValueError("variants that differ in depth alone must have the same exit_gradient")
    return variants


def in_one_forward(model: nn.Module, inputs: Mapping[str, Any], run: Callable[[nn.Module], Outputs]) -> Outputs:
    """``run(model)``; under DistributedDataParallel ``run(its module)`` within one forward pass of the wrapper.

    The wrapper looks for parameters without a gradient in the outputs of each of its forward passes. A layer that one
    pass leaves out would count as unused, although a pass of the same step has a gradient for it.
    """
    if not isinstance(model, DistributedDataParallel):
        return run(model)
    plain: nn.Module = model.module
    own, kept = plain.forward, []

    def forward(**_inputs: Any) -> list[Tensor]:
        with _forward_of(plain, own):
            kept.append(run(plain))
        return tensors_of(kept)  # the wrapper cannot rebuild outputs to which an objective has added tensors

    with _forward_of(plain, forward):
        tensors = iter(model(**inputs))
    (outputs,) = map_tensors(kept, lambda _tensor: next(tensors))
    return cast(Outputs, outputs)


@contextmanager
def _forward_of(module: nn.Module, forward: Callable[..., Any]) -> Iterator[None]:
    """In this block, calls of the module call ``forward``."""
    earlier = vars(module).get("forward")
    module.forward = forward
    try:
        yield
    finally:
        del module.forward
        if earlier is not None:
            module.forward = earlier


def _of_rows(value: Any, rows: Rows) -> Any:
    return rows.of(value) if isinstance(value, Tensor) and value.dim() and len(value) == rows.batch else value
