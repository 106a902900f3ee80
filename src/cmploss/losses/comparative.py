"""Comparative loss: a model must not be beaten by its own submodels.

Notation, per example: ``l_0`` is the task loss of the full model, ``l_1 … l_c`` are the losses of its submodels, each
more ablated than the one before, and ``b`` is the loss of an imaginary target model. All functions take ``losses`` of
shape ``(…, 1+c)``, full model first, and treat each example independently.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from cmploss.choices import Primary, Ranking, Reduction, Target, check_option
from cmploss.losses.reduction import reduce, upcast


def _ultra(losses: Tensor) -> Tensor:
    """``b = 0``: the ideal model."""
    return torch.zeros_like(losses[..., 0])


def _first(losses: Tensor) -> Tensor:
    """``m = min(l_1 … l_c)``; ``b = (l_0 + m)/2`` where ``l_0 < m``, else ``m``."""
    full, best_ablated = losses[..., 0], losses[..., 1:].amin(-1)
    return torch.where(full < best_ablated, (full + best_ablated) / 2, best_ablated)


def _best(losses: Tensor) -> Tensor:
    """``b = min(l_0 … l_c)``."""
    return losses.amin(-1)


def _hinge(ordered: Tensor) -> Tensor:
    """Mean over all pairs ``i < j`` of ``max(0, x_i − x_j)``; ``ordered`` ``(…, n)``, smallest expected first."""
    left, right = torch.triu_indices(ordered.shape[-1], ordered.shape[-1], offset=1, device=ordered.device)
    # clamp_min, not relu: the published loss has gradient 1 where two losses are equal.
    return (ordered[..., left] - ordered[..., right]).clamp_min(0).mean(-1)


def _listmle(ordered: Tensor) -> Tensor:
    """``Σ_i [logsumexp(x_i … x_n) − x_i]`` with ``x = −ordered``: the Plackett–Luce likelihood of the order."""
    scores = -ordered
    return (scores.flip(-1).logcumsumexp(-1).flip(-1) - scores).sum(-1)


TARGETS: dict[str, Callable[[Tensor], Tensor]] = {"ultra": _ultra, "first": _first, "best": _best}
RANKINGS: dict[str, Callable[[Tensor], Tensor]] = {"hinge": _hinge, "listmle": _listmle}
PRIMARIES: dict[str, Callable[[Tensor], Tensor]] = {
    "max": lambda losses: losses.amax(-1),
    "mean": lambda losses: losses.mean(-1),
    "full": lambda losses: losses[..., 0],
    "most_ablated": lambda losses: losses[..., -1],
}


def comparative_loss(
    losses: Tensor,
    *,
    target: Target = "ultra",
    ranking: Ranking = "hinge",
    temperature: float = 1.0,
    reduction: Reduction = "mean",
) -> Tensor:
    """Comparative loss of a model and its ablated submodels.

    ``L = 1/P · Σ_{0 ≤ i < j ≤ c+1} max(0, l_i − l_j)`` with ``l_{c+1} = b`` and ``P = (c+1)(c+2)/2``. With
    ``ranking="listmle"``, ``L = Σ_{i ≤ c} [logsumexp(x_i … x_{c+1}) − x_i]`` with ``x = −(l_0 … l_c, b)``. Losses and
    ``b`` are divided by the temperature first, and ``b`` carries no gradient. For ``c = 0``, ``L = l_0`` whatever the
    other settings.

    Args:
        losses: Task losses ``(…, 1+c)``, the full model first, then the submodels, the most ablated last; any float
            dtype.
        target: Loss of the imaginary target model: ``"ultra"`` 0; ``"first"`` the smallest submodel loss ``m``, or
            ``(l_0 + m)/2`` if ``l_0 < m``; ``"best"`` the smallest loss.
        ranking: ``"hinge"`` (mean over pairs) or ``"listmle"`` (a sum, as published).
        temperature: Positive number by which losses are divided.
        reduction: ``"mean"``, ``"sum"`` or ``"none"`` over the leading shape.

    Returns:
        A scalar, or ``(…)`` with ``reduction="none"``, in the dtype of ``losses``.

    Raises:
        ValueError: For an unknown option, a temperature that is not positive, or losses without a last dimension.

    Examples:
        One example whose submodel (0.3) beats the full model (0.5): (0.5 + 0.3 + (0.5 − 0.3)) / 3.

        >>> comparative_loss(torch.tensor([[0.5, 0.3]]))
        tensor(0.3333)

    References:
        Zhu et al., ACM TOIS 42(5), 2024 (arXiv 2301.03765); the division by P follows the published code.
    """
    check_option("target", target, TARGETS)
    _check(losses, ranking=ranking, temperature=temperature)
    if losses.shape[-1] == 1:
        return reduce(losses[..., 0], reduction)
    scaled = _scale(losses, temperature)
    bound = TARGETS[target](scaled.detach())
    per_example = RANKINGS[ranking](torch.cat([scaled, bound.unsqueeze(-1)], dim=-1))
    return reduce(per_example.to(losses.dtype), reduction)


def comparison_weights(losses: Tensor, *, target: Target = "ultra", temperature: float = 1.0) -> Tensor:
    """Gradient of the summed hinge :func:`comparative_loss`, which depends only on the order of the losses.

    ``∂L/∂l_i = 1/(P·T) · (#{j > i : l_i ≥ l_j} − #{k < i : l_k ≥ l_i})``; equal losses count. For ``c = 0`` it is 1.

    Args:
        losses: As for :func:`comparative_loss`; no gradient is recorded.
        target: As for :func:`comparative_loss`.
        temperature: As for :func:`comparative_loss`.

    Returns:
        Weights ``(…, 1+c)`` in the dtype of ``losses``: how strongly each variant's task loss is minimised.

    Examples:
        The submodel beats the full model, so all weight is on the full model.

        >>> comparison_weights(torch.tensor([[0.5, 0.3]]))
        tensor([[0.6667, 0.0000]])

    References:
        Zhu et al. 2024 (arXiv 2301.03765), where the loss is described as a dynamic weighting.
    """
    check_option("target", target, TARGETS)
    _check(losses, ranking="hinge", temperature=temperature)
    count = losses.shape[-1]
    if count == 1:
        return torch.ones_like(losses)
    scaled = _scale(losses.detach(), temperature)
    ordered = torch.cat([scaled, TARGETS[target](scaled).unsqueeze(-1)], dim=-1)
    beaten = (ordered.unsqueeze(-1) >= ordered.unsqueeze(-2)).triu(1)  # [i, j] for i < j: l_i ≥ l_j
    weights = (beaten.sum(-1) - beaten.sum(-2))[..., :count]
    pairs = count * (count + 1) / 2
    return (weights.to(scaled.dtype) / (pairs * temperature)).to(losses.dtype)


def primary_loss(
    losses: Tensor,
    *,
    primary: Primary = "max",
    ranking_weight: float = 0.0,
    ranking: Ranking = "hinge",
    temperature: float = 1.0,
    reduction: Reduction = "mean",
) -> Tensor:
    """Task losses combined without comparison, plus an optional ranking penalty.

    ``L = primary(l_0 … l_c) + w · R``, where ``R`` is :func:`ranking_penalty`: the ranking loss of ``losses / T``
    without a target.

    Args:
        losses: Task losses ``(…, 1+c)``, the full model first.
        primary: ``"max"``, ``"mean"``, ``"full"`` (``l_0``) or ``"most_ablated"`` (``l_c``) of the raw losses.
        ranking_weight: ``w ≥ 0``.
        ranking: Ranking of ``R``.
        temperature: Temperature of ``R``.
        reduction: As for :func:`comparative_loss`.

    Returns:
        A scalar, or ``(…)`` with ``reduction="none"``, in the dtype of ``losses``.

    Raises:
        ValueError: For an unknown option, a negative weight, or as :func:`comparative_loss`.

    Examples:
        max(0.5, 0.3) + 1 · (0.5 − 0.3)

        >>> primary_loss(torch.tensor([[0.5, 0.3]]), ranking_weight=1.0)
        tensor(0.7000)

    References:
        Zhu et al. 2024 (arXiv 2301.03765), weighting strategies without comparison.
    """
    check_option("primary", primary, PRIMARIES)
    _check(losses, ranking=ranking, temperature=temperature)
    if not ranking_weight >= 0:
        raise ValueError(f"ranking_weight={ranking_weight} must not be negative")
    overall = PRIMARIES[primary](losses)
    if ranking_weight:
        penalty = ranking_penalty(losses, ranking=ranking, temperature=temperature, reduction="none")
        overall = overall + ranking_weight * penalty
    return reduce(overall, reduction)


def ranking_penalty(
    losses: Tensor, *, ranking: Ranking = "hinge", temperature: float = 1.0, reduction: Reduction = "mean"
) -> Tensor:
    """The comparison alone, without a target: how far submodels beat the models they were ablated from.

    ``R = mean over 0 ≤ i < j ≤ c of max(0, (l_i − l_j) / T)`` for the hinge, zero if and only if the losses are
    ordered; for ``listmle`` the negative log-likelihood of that order. 0 for ``c = 0``. Arguments as for
    :func:`comparative_loss`.

    >>> ranking_penalty(torch.tensor([[0.5, 0.3]]))
    tensor(0.2000)
    """
    _check(losses, ranking=ranking, temperature=temperature)
    if losses.shape[-1] == 1:
        return reduce(losses[..., 0] * 0, reduction)
    return reduce(RANKINGS[ranking](_scale(losses, temperature)).to(losses.dtype), reduction)


def violations(losses: Tensor) -> Tensor:
    """Whether a submodel beats the full model: ``min(l_1 … l_c) < l_0``, booleans ``(…)``; all false for ``c = 0``.

    >>> violations(torch.tensor([[0.5, 0.3], [0.3, 0.3]]))
    tensor([ True, False])
    """
    return (losses[..., 1:] < losses[..., :1]).any(-1)


def _scale(losses: Tensor, temperature: float) -> Tensor:
    return upcast(losses) / temperature


def _check(losses: Tensor, *, ranking: str, temperature: float) -> None:
    check_option("ranking", ranking, RANKINGS)
    if not temperature > 0:
        raise ValueError(f"temperature={temperature} must be positive")
    if not losses.is_floating_point():
        raise ValueError(f"losses must be floating-point numbers; got {losses.dtype}")
    if losses.ndim == 0 or losses.shape[-1] == 0:
        raise ValueError(f"losses must have shape (…, 1+c), the full model first; got {tuple(losses.shape)}")
