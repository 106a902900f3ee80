"""How far two predictions for one example differ, and how far one is from the uniform distribution."""

import torch
from torch import Tensor
from torch.nn import functional as F

from cmploss.losses.reduction import upcast


def symmetric_kl(first: Tensor, second: Tensor, *, mask: Tensor | None = None) -> Tensor:
    """Symmetric Kullback–Leibler divergence ``(…)`` of two categorical predictions, in float32 or wider.

    ``D = ½ (KL(p‖q) + KL(q‖p)) = ½ Σ_k (p_k − q_k)(log p_k − log q_k)`` with ``p, q = softmax(logits)``.

    Args:
        first: Logits ``(…, classes)``; any float dtype.
        second: Logits of the same shape; both carry gradients.
        mask: 0 for classes to exclude, ``(…, classes)``; by default none.

    Examples:
        p = (½, ½), q = (¾, ¼): ½ (½ − ¾)(ln ½ − ln ¾) + ½ (½ − ¼)(ln ½ − ln ¼) = ⅛ ln 3

        >>> symmetric_kl(torch.tensor([0.0, 0.0]), torch.tensor([3.0, 1.0]).log())
        tensor(0.1373)

    References:
        R-Drop, Liang et al. 2021 (arXiv 2106.14448).
    """
    log_p, log_q = (_log_softmax(logits, mask) for logits in (first, second))
    # If both are −∞, their difference and its gradient would be NaN.
    candidates = torch.ones_like(log_p, dtype=torch.bool) if mask is None else (mask != 0).expand_as(log_p)
    log_p, log_q = log_p.masked_fill(~candidates, 0), log_q.masked_fill(~candidates, 0)
    return ((log_p.exp() - log_q.exp()) * (log_p - log_q)).sum(-1) / 2


def symmetric_binary_kl(first: Tensor, second: Tensor) -> Tensor:
    """Symmetric divergence ``(…)`` of independent yes/no predictions with logits ``(…, labels)``, averaged over labels.

    ``D = mean_k ½ (p_k − q_k)(a_k − b_k)`` with logits ``a, b`` and ``p, q = σ(a), σ(b)``.

    >>> symmetric_binary_kl(torch.tensor([3.0]).log(), torch.tensor([0.0]))  # ½ (¾ − ½)(ln 3 − 0)
    tensor(0.1373)
    """
    a, b = upcast(first), upcast(second)
    return ((a.sigmoid() - b.sigmoid()) * (a - b)).mean(-1) / 2


def squared_difference(first: Tensor, second: Tensor) -> Tensor:
    """Squared difference of two regressions, averaged over outputs: ``(…, outputs)`` -> ``(…)``.

    >>> squared_difference(torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0], [2.0]]))
    tensor([4., 0.])
    """
    return (upcast(first) - upcast(second)).square().mean(-1)


def uniform_cross_entropy(logits: Tensor) -> Tensor:
    """Cross-entropy ``(…)`` of logits ``(…, K)`` against the uniform distribution, which label smoothing mixes in.

    ``U = −1/K · Σ_k log softmax(logits)_k``; smoothing by ``ε`` is ``(1 − ε) · CE + ε · U``.

    >>> uniform_cross_entropy(torch.tensor([3.0, 1.0]).log())  # −½ (ln ¾ + ln ¼)
    tensor(0.8370)

    References:
        Szegedy et al. 2016 (arXiv 1512.00567), section 7.
    """
    return -upcast(logits).log_softmax(-1).mean(-1)


def _log_softmax(logits: Tensor, mask: Tensor | None) -> Tensor:
    logits = upcast(logits)
    return F.log_softmax(logits if mask is None else logits.masked_fill(mask == 0, -torch.inf), dim=-1)
