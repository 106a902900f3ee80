"""Submodels that have only the lowest layers of a model, from one forward pass."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from cmploss.ablation.dropout import training_mode
from cmploss.ablation.exit_heads import EXIT_HEADS, drop_exit_heads, exit_head, with_exit_head
from cmploss.ablation.sites import is_compiled, unwrap_model

Outputs = TypeVar("Outputs")


@dataclass(frozen=True)
class LayerStack:
    """The layers of a model, lowest first, and where they are: ``getattr(owner, name)``."""

    model: nn.Module
    owner: nn.Module
    name: str
    layers: nn.ModuleList

    @contextmanager
    def segment(self, stop: int, *, start: int = 0, output: Any = None) -> Iterator[nn.ModuleList]:
        """In this block, the model has these ``stop`` layers and the head of that depth.

        The lowest ``start`` layers only return ``output``.

        ``output`` is the output of layer ``start`` in an earlier pass over the same inputs.
        """
        passed = [_Passed(layer, output) for layer in self.layers[:start]]
        layers = nn.ModuleList([*passed, *self.layers[start:stop]])
        with with_exit_head(self.model, stop):
            setattr(self.owner, self.name, layers)
            try:
                yield layers
            finally:
                setattr(self.owner, self.name, self.layers)


class _Passed(nn.Module):
    """A layer whose output is known. Attributes that a model reads from its layers are those of the layer."""

    def __init__(self, layer: nn.Module, output: Any):
        super().__init__()
        self.__dict__["layer"] = layer  # not a submodule
        self.output = output

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.output

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["layer"], name)


def layer_stack(model: nn.Module) -> LayerStack:
    """The layers of a transformers model.

    They are the list of ``config.num_hidden_layers`` modules in the base model with the most parameters.

    Raises:
        ValueError: If there is none, or the model has an encoder and a decoder.
    """
    plain: Any = unwrap_model(model)
    config = getattr(plain, "config", None)
    if getattr(config, "is_encoder_decoder", False):
        raise ValueError(f"{type(plain).__name__} has an encoder and a decoder; use an encoder or a decoder alone")
    count = getattr(config, "num_hidden_layers", 0)
    found = [
        LayerStack(plain, owner, name, layers)
        for owner in getattr(plain, "base_model", plain).modules()
        for name, layers in owner.named_children()
        if isinstance(layers, nn.ModuleList) and count and len(layers) == count
    ]
    if not found:
        raise ValueError(
            f"{type(plain).__name__} has no list of {count} layers with their own weights (ALBERT's are shared); use a "
            "model such as BERT, RoBERTa, ELECTRA, DistilBERT, ModernBERT or Qwen"
        )
    return max(found, key=lambda stack: sum(parameter.numel() for parameter in stack.layers.parameters()))


def check_depths(model: nn.Module, depths: Iterable[int], *, whole: bool = False) -> LayerStack:
    """The layers of a model that can be cut to these depths; with ``whole`` the depth of the model is one of them.

    Raises:
        ValueError: A depth is not below the number of layers, or the model has no list of layers or is compiled.
    """
    stack = layer_stack(model)
    count = len(stack.layers)
    for depth in depths:
        if not 0 < depth < count + whole:
            raise ValueError(f"layers={depth} must be from 1 to {count - 1 + whole}; the model has {count} layers")
    if is_compiled(model):
        raise ValueError("the layers of a compiled model cannot be cut; leave torch_compile out")
    return stack


def cut_layers(model: nn.Module, depth: int) -> None:
    """Keep the lowest layers of a model and the head of that depth.

    In its configuration, lists with one entry per layer are cut too.

    Raises:
        ValueError: As for :func:`check_depths`.
    """
    stack = check_depths(model, [depth], whole=True)
    count = len(stack.layers)
    setattr(stack.owner, stack.name, stack.layers[:depth])
    for name, module in exit_head(model, depth).items():
        setattr(stack.model, name, module)
    drop_exit_heads(model)
    config: Any = unwrap_model(model).config
    for name, value in vars(config).items():
        if isinstance(value, list) and len(value) == count:  # types of layers, sizes of windows
            setattr(config, name, value[:depth])
    config.num_hidden_layers = depth


def parameters_at(model: nn.Module, depth: int) -> int:
    """The number of parameters of a model with its lowest layers alone."""
    with check_depths(model, [depth], whole=True).segment(depth):
        found = dict(model.named_parameters(remove_duplicate=False))
    return sum(value.numel() for name, value in found.items() if not name.startswith(f"{EXIT_HEADS}."))


def at_depths(
    model: nn.Module,
    depths: Sequence[int | None],
    run: Callable[[], Outputs],
    *,
    restart: Callable[[bool], None] = lambda _after: None,
    exit_gradient: float = 1.0,
) -> list[Outputs]:
    """The outputs of ``run()``, a forward pass of ``model``, at several depths; every layer runs once.

    A submodel of depth ``d`` is the model with its lowest ``d`` layers: embeddings, layers, and what follows the last
    layer (final norm, pooler, head). The deepest runs first. Every other one runs again with the recorded output of
    its last layer in place of its layers.

    Args:
        model: The model.
        depths: Numbers of layers, deepest first; None for all.
        run: Runs the model.
        restart: Called before each submodel with False, and after its last layer with True, so that dropout before and
            after the layers is the same at every depth.
        exit_gradient: Factor of the gradient that submodels have for their layers; the outputs are the same.
    """
    if list(depths) == [None]:
        return [run()]
    stack = check_depths(model, [depth for depth in depths if depth is not None])
    counts = [len(stack.layers) if depth is None else depth for depth in depths]
    known: dict[int, Any] = {}
    outputs = []
    for count in counts:
        scale = 1.0 if count == len(stack.layers) else exit_gradient
        start = {"start": count, "output": _scaled(known[count], scale)} if known else {}
        with ExitStack() as hooks, stack.segment(count, **start) as layers:
            for exit in counts if not start else ():
                hooks.enter_context(recorded(layers[exit - 1], partial(known.__setitem__, exit)))
            if not start:
                hooks.enter_context(recorded(layers[-1], partial(_scaled, factor=scale)))
            hooks.enter_context(recorded(layers[-1], lambda _output: restart(True)))
            restart(False)
            outputs.append(run())
    return outputs


def verify_depths(model: nn.Module, depths: Sequence[int], forward: Callable[[], Tensor]) -> None:
    """Check on one batch that :func:`at_depths` gives the outputs of the model with fewer layers.

    ``forward`` runs the model on some batch and returns its logits.

    Raises:
        RuntimeError: If they differ.
    """
    with torch.no_grad(), training_mode(model, False):
        _, *found = at_depths(model, [None, *depths], forward)
        for depth, outputs in zip(depths, found, strict=True):
            with layer_stack(model).segment(depth):
                expected = forward()
            try:
                torch.testing.assert_close(outputs, expected)
            except AssertionError as error:
                raise RuntimeError(
                    f"the outputs of {type(model).__name__} with {depth} layers cannot be computed from one forward "
                    "pass of the whole model, because more than the output of a layer goes from layer to layer; use "
                    "another model"
                ) from error


@contextmanager
def recorded(layer: nn.Module, found: Callable[[Any], Any]) -> Iterator[None]:
    """In this block, call ``found`` with the output of a layer; what it returns replaces the output, if not None."""
    handle = layer.register_forward_hook(lambda _layer, _inputs, output: found(output))
    try:
        yield
    finally:
        handle.remove()


def _scaled(output: Any, factor: float) -> Any:
    """The output of a layer, whose gradient is multiplied by the factor on its way back into the layer."""
    if isinstance(output, tuple):
        return (_scaled(output[0], factor), *output[1:])
    if factor == 1 or not output.requires_grad:
        return output
    found = output.view_as(output)
    found.register_hook(lambda gradient: factor * gradient)
    return found
