"""Supervised contrastive loss: examples of one class attract, all others repel."""

import torch
from torch import Tensor

from cmploss.choices import REDUCTIONS, Reduction, check_option
from cmploss.losses.reduction import upcast


def supervised_contrastive_loss(
    embeddings: Tensor, labels: Tensor, *, temperature: float = 0.3, reduction: Reduction = "mean"
) -> Tensor:
    """Supervised contrastive loss of the embeddings of one batch.

    ``L_i = −1/(N_{y_i} − 1) · Σ_{j ≠ i, y_j = y_i} log [exp(Φ_i·Φ_j / τ) / Σ_{k ≠ i} exp(Φ_i·Φ_k / τ)]`` with
    ``Φ = x / ‖x‖`` and ``N_y`` examples of class ``y`` in the batch. An example without a partner of its class has
    ``L_i = 0``, but it stays in the denominators of the others.

    Args:
        embeddings: ``x``, ``(B, H)``; any float dtype. They are normalised here.
        labels: Class ids ``(B,)``.
        temperature: ``τ > 0``.
        reduction: ``"mean"`` over the examples that have a partner, ``"sum"`` over all (as published) or ``"none"``.

    Returns:
        A scalar, or ``(B,)`` with ``reduction="none"``, in float32 or wider. If no example has a partner, the loss and
        its gradient are 0.

    Raises:
        ValueError: For an unknown reduction, a temperature that is not positive, or wrong shapes or types.

    Examples:
        Two examples of class 0 at a right angle to one of class 1: ln(e + 1) − 1 for both with τ = 1.

        >>> x = torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]])
        >>> supervised_contrastive_loss(x, torch.tensor([0, 0, 1]), temperature=1.0)
        tensor(0.3133)

    References:
        Gunel et al., ICLR 2021 (arXiv 2011.01403); the paper sums over examples, most code averages.
    """
    check_option("reduction", reduction, REDUCTIONS)
    _check(embeddings, labels, temperature)
    itself = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    partners = (labels.unsqueeze(0) == labels.unsqueeze(1)) & ~itself
    count = partners.sum(1)
    directions = _directions(embeddings)
    # Rounding products to bfloat16 would be too coarse for a small temperature.
    with torch.autocast(embeddings.device.type, enabled=False):
        similarity = (directions @ directions.T / temperature).masked_fill(itself, -torch.inf)
    if len(labels) > 1:
        surprise = (-similarity.log_softmax(1)).masked_fill(~partners, 0)
    else:  # there is nothing to normalise over
        surprise = directions.sum(1, keepdim=True) * 0
    losses = surprise.sum(1) / count.clamp_min(1)
    if reduction == "none":
        return losses
    return losses.sum() / ((count > 0).sum().clamp_min(1) if reduction == "mean" else 1)


def _directions(embeddings: Tensor) -> Tensor:
    """``x / ‖x‖`` in at least single precision; a zero vector stays one."""
    vectors = upcast(embeddings)
    norms: Tensor = vectors.norm(dim=1, keepdim=True)
    return vectors / norms.masked_fill(norms == 0, 1)


def _check(embeddings: Tensor, labels: Tensor, temperature: float) -> None:
    if not temperature > 0:
        raise ValueError(f"temperature={temperature} must be positive")
    if embeddings.ndim != 2 or not embeddings.is_floating_point():
        raise ValueError(
            f"embeddings must be floating-point numbers of shape (B, H); got {embeddings.dtype} "
            f"{tuple(embeddings.shape)}"
        )
    if labels.shape != embeddings.shape[:1] or labels.is_floating_point():
        raise ValueError(
            f"labels must be {len(embeddings)} class ids, one per embedding; got {labels.dtype} {tuple(labels.shape)}"
        )
