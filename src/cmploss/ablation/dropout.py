"""Nested dropout: weaker and weaker submodels of one model, each contained in the one before."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from math import expm1, log1p, nextafter
from typing import Any

import torch
from torch import Tensor, nn

from cmploss.ablation.rng import reseed, seeded
from cmploss.ablation.sites import DropoutSite, dropout_sites, is_compiled, unwrap_model
from cmploss.cpu import FastDropout, FastLinear, RandomBits, Rows, fast_dropout

# Attention functions known to apply the rate they are given; others skip dropout silently or raise.
ATTENTION_WITH_DROPOUT = (None, "eager", "sdpa", "flash_attention_2")
NO_DROPOUT = (
    "the model has no active dropout to ablate ({count} sites, all with rate 0): "
    "give a base rate, as in CmpDrop(1, p=0.1) or --dropout_p 0.1"
)
AFTER_LAYERS = 2**20
"""Number of the first dropout call after the layers of a submodel with fewer layers, whatever their number."""
CHECKPOINT = "_gradient_checkpointing_func"  # where transformers keeps the function that checkpoints a layer
Restart = Callable[[bool], None]
"""Random numbers from the beginning of a pass (False), or from the end of its layers (True)."""
Rates = Sequence[tuple[DropoutSite, float]]
_entered: set[nn.Module] = set()  # modules inside a block at this moment


def ablated_rate(p: float, power: int) -> float:
    """``1 − (1−p)^power``: the rate of a unit that must survive ``power`` independent draws at rate ``p``.

    >>> [round(ablated_rate(0.1, power), 4) for power in range(5)]
    [0.0, 0.1, 0.19, 0.271, 0.3439]
    """
    # A rate of exactly 1 draws no random numbers, which would change those of all later sites.
    most = nextafter(1.0, 0.0)
    return min(-expm1(power * log1p(-min(p, most))), most)


def ablated_rates(model: nn.Module, power: int, p: float | None = None) -> Rates:
    """Every dropout site of ``model`` with its rate at that power."""
    if power < 0:
        raise ValueError(f"power={power} must not be negative")
    if p is not None and not 0 <= p < 1:
        raise ValueError(f"p={p} must lie in [0, 1)")
    sites = dropout_sites(model)
    rates = [(site, ablated_rate(site.rate if p is None else p, power)) for site in sites]
    if power > 0:
        if not any(rate > 0 for _, rate in rates):
            raise ValueError(NO_DROPOUT.format(count=len(sites)))
        attention = getattr(getattr(unwrap_model(model), "config", None), "_attn_implementation", None)
        if attention not in ATTENTION_WITH_DROPOUT:
            raise ValueError(
                f"attention {attention!r} does not apply dropout; load the model with attn_implementation='sdpa'"
            )
    return rates


@contextmanager
def nested_dropout(model: nn.Module, power: int, *, seed: int, p: float | None = None) -> Iterator[None]:
    """In this block, run ``model`` as its submodel of the given power.

    Every dropout site with base rate ``p`` drops at rate ``1 − (1−p)^power``; kept units are divided by
    ``(1−p)^power``. With one seed the masks of different powers nest: what power ``k`` drops, power ``k+1`` drops too.
    Power 0 drops nothing; its outputs equal those of eval mode. Masks are independent over sites, rows and seeds. A
    model in eval mode is put into training mode for the block (power > 0); inside a model in training mode, modules in
    eval mode keep their dropout off. After the block, and after exceptions, rates, modes and random number generators
    are restored.

    Gradient checkpointing must be non-reentrant; the recomputed layers then use the rates of their own pass.

    Args:
        model: Any module whose dropout :func:`dropout_sites` finds. Checkpointing must be that of
            transformers.
        power: Number of ablation steps, an integer ≥ 0.
        seed: Seed of the masks; the same for all powers whose masks must nest.
        p: Base rate in [0, 1) for every site, including sites with rate 0; by default each site's own.

    Raises:
        ValueError: For a negative power or seed, a rate outside [0, 1), no active dropout (power > 0), reentrant
            checkpointing or checkpointing in eval mode, an attention function that ignores dropout, layers dropped at
            random, a compiled model (power > 0): each of its graphs draws masks of its own.
        RuntimeError: If the block is inside another one for the same model: rates would compound.

    Examples:
        >>> layer = nn.Dropout(0.5)
        >>> with nested_dropout(layer, 2, seed=0):
        ...     layer.p
        0.75

    References:
        CmpDrop, Zhu et al. 2024 (arXiv 2301.03765).
    """
    if power > 0 and is_compiled(model):
        raise ValueError("each graph of a compiled model draws its own masks; give the model before torch.compile")
    if seed < 0:
        raise ValueError(f"seed={seed} must not be negative")
    with ablated(model, power, bits=RandomBits(seed, keep=False), p=p):
        yield


@contextmanager
def ablated(
    model: nn.Module, power: int, *, bits: RandomBits, p: float | None = None, rows: Rows | None = None
) -> Iterator[Restart]:
    """:func:`nested_dropout` with random bits shared by several blocks, for a batch or some of its rows."""
    rates = ablated_rates(model, power, p)
    with ExitStack() as stack:
        if power > 0 and not model.training:
            if torch.is_grad_enabled() and any(map(_checkpoints, model.modules())):
                raise ValueError("gradient checkpointing cannot replay a model in eval mode; call model.train() first")
            stack.enter_context(training_mode(model))
        yield stack.enter_context(_replayable(model, rates, bits, rows))


@contextmanager
def own_dropout(model: nn.Module, *, bits: RandomBits, rows: Rows | None = None) -> Iterator[Restart]:
    """In this block, run ``model`` with its own dropout in a way that can be repeated exactly.

    With reentrant gradient checkpointing, only PyTorch's own dropout can be repeated.
    """
    reentrant = any(map(_is_reentrant, model.modules()))
    if reentrant:
        with seeded(bits.seed, model):
            yield _refuse_depths
    else:
        with _replayable(model, (), bits, rows) as restart:
            yield restart


def _refuse_depths(_after: bool) -> None:
    raise ValueError(
        "reentrant gradient checkpointing hides the outputs of lower layers; enable it with {'use_reentrant': False}"
    )


@contextmanager
def _replayable(model: nn.Module, rates: Rates, bits: RandomBits, rows: Rows | None) -> Iterator[Restart]:
    modules = set(model.modules())
    if not modules.isdisjoint(_entered):
        raise RuntimeError("nested_dropout is already active for this model or a part of it; its rates would compound")
    with ExitStack() as stack:
        _entered.update(modules)
        stack.callback(_entered.difference_update, modules)
        stack.enter_context(seeded(bits.seed, model))
        stack.enter_context(_applied(rates))
        fast = fast_dropout(model, bits, rows, enabled=not is_compiled(model))
        stack.enter_context(_checkpoints_replay(model, rates, fast))
        stack.enter_context(fast.running())
        inside = set(model.modules())

        def restart(after: bool) -> None:
            fast.number = AFTER_LAYERS if after else 0
            reseed(bits.seed + after, model)

        yield restart
        if inside != set(model.modules()):
            raise RuntimeError(
                f"{type(model).__name__} replaced modules in its first pass, with dropout of their own; call the "
                "model once, in eval mode, before you train it"
            )


def verify_nested_dropout(
    model: nn.Module, forward: Callable[[], Tensor], *, power: int = 1, p: float | None = None
) -> None:
    """Check on one batch that nested dropout controls all dropout of ``model``, and that it has an effect (power > 0).

    ``forward`` runs the model on some batch and returns its logits. Meanwhile, trained matrices of zeros have another
    value: before its first step, a B of LoRA would hide the dropout before it.

    Raises:
        RuntimeError: If outputs at power 0 in training mode differ from those in eval mode, or if outputs with dropout
            at every active site equal those without.
    """
    rates = ablated_rates(model, power, p)
    with _no_matrix_of_zeros(model), _kept_buffers(model):
        _verify(model, forward, rates, power)


def _verify(model: nn.Module, forward: Callable[[], Tensor], rates: Rates, power: int) -> None:
    name = type(unwrap_model(model)).__name__
    with torch.no_grad(), ExitStack() as stack:
        stack.enter_context(training_mode(model, False))
        with FastLinear():
            expected = forward()
        stack.enter_context(training_mode(model, True))
        with nested_dropout(model, 0, seed=0):
            found = forward()
    try:
        torch.testing.assert_close(found, expected)
    except AssertionError as error:
        reason = "is still random with every known dropout at rate 0: it applies dropout in a way that cmploss cannot "
        reason += f"control ({len(rates)} sites found)"
        if any(isinstance(module, nn.modules.batchnorm._NormBase) for module in model.modules()):
            reason = "has batch normalisation, by which its outputs differ between training and evaluation too"
        raise RuntimeError(f"{name} {reason}") from error
    if not power:
        return
    half = [(site, 0.5 if rate > 0 else 0.0) for site, rate in rates]  # a small rate might drop nothing in one pass
    training = nullcontext() if model.training else training_mode(model)
    with torch.no_grad(), training, _replayable(model, half, RandomBits(0, keep=False), None):
        ablated_outputs = forward()
    if torch.equal(ablated_outputs, expected):
        raise RuntimeError(
            f"dropout has no effect on {name}: with rate 0.5 at its {sum(r > 0 for _, r in half)} "
            "active dropout sites, the outputs equal those without dropout. The model does not read these rates, so "
            "CmpDrop cannot ablate it; use another model"
        )


@contextmanager
def _kept_buffers(model: nn.Module) -> Iterator[None]:
    before = [(buffer, buffer.clone()) for buffer in model.buffers()]  # running means, which a pass changes
    try:
        yield
    finally:
        for buffer, value in before:
            buffer.copy_(value)


@contextmanager
def _no_matrix_of_zeros(model: nn.Module) -> Iterator[None]:
    zeros = [each for each in model.parameters() if each.requires_grad and each.dim() == 2 and not each.any()]
    with torch.no_grad():
        for each in zeros:
            each.copy_(torch.linspace(-0.1, 0.1, each.numel()).view_as(each))  # not constant: norms would remove it
        try:
            yield
        finally:
            for each in zeros:
                each.zero_()


@contextmanager
def training_mode(model: nn.Module, mode: bool = True) -> Iterator[None]:
    modes = [(module, module.training) for module in model.modules()]
    model.train(mode)
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


@contextmanager
def _applied(rates: Rates) -> Iterator[None]:
    found = [(site, getattr(site.owner, site.attribute)) for site, _ in rates]
    try:
        for site, rate in rates:
            setattr(site.owner, site.attribute, site.value(rate))
        yield
    finally:
        for site, value in found:
            setattr(site.owner, site.attribute, value)


@contextmanager
def _checkpoints_replay(model: nn.Module, rates: Rates, fast: FastDropout) -> Iterator[None]:
    """Layers that are recomputed in the backward pass (after the block) get the dropout that they had in the block."""
    found = {layer: vars(layer)[CHECKPOINT] for layer in model.modules() if _checkpoints(layer)}
    try:
        for layer, checkpoint in found.items():
            inside = set(layer.modules())
            own = [(site, rate) for site, rate in rates if site.owner in inside]
            setattr(layer, CHECKPOINT, _replaying(checkpoint, own, fast))
        yield
    finally:
        for layer, checkpoint in found.items():
            setattr(layer, CHECKPOINT, checkpoint)


def _checkpoints(module: nn.Module) -> bool:
    return CHECKPOINT in vars(module) and bool(getattr(module, "gradient_checkpointing", False))


def _is_reentrant(module: nn.Module) -> bool:
    options = getattr(vars(module).get(CHECKPOINT), "keywords", {})
    return _checkpoints(module) and options.get("use_reentrant") is not False


def _replaying(checkpoint: Callable[..., Any], rates: Rates, fast: FastDropout) -> Callable[..., Any]:
    options = getattr(checkpoint, "keywords", {})
    if options.get("use_reentrant") is not False:
        raise ValueError(
            "reentrant gradient checkpointing cannot replay dropout; enable it with {'use_reentrant': False}"
        )
    overrides = {"preserve_rng_state": True} if options.get("preserve_rng_state") is False else {}

    def checkpoint_with_rates(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        first = fast.number

        def computed(*inputs: Any, **named: Any) -> Any:
            with _applied(rates), fast.again_from(first):
                return function(*inputs, **named)

        return checkpoint(computed, *args, **kwargs, **overrides)

    return checkpoint_with_rates
