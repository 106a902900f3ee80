"""How far a prediction is from another, from a teacher's, and from the uniform distribution."""

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
    log_p, log_q = _log_probabilities(first, mask), _log_probabilities(second, mask)
    return ((log_p.exp() - log_q.exp()) * (log_p - log_q)).sum(-1) / 2


def symmetric_binary_kl(first: Tensor, second: Tensor) -> Tensor:
    """Symmetric divergence ``(…)`` of independent yes/no predictions with logits ``(…, labels)``, averaged over labels.

    ``D = mean_k ½ (p_k − q_k)(a_k − b_k)`` with logits ``a, b`` and ``p, q = σ(a), σ(b)``.

    >>> symmetric_binary_kl(torch.tensor([3.0]).log(), torch.tensor([0.0]))  # ½ (¾ − ½)(ln 3 − 0)
    tensor(0.1373)
    """
    a, b = upcast(first), upcast(second)
    return ((a.sigmoid() - b.sigmoid()) * (a - b)).mean(-1) / 2


def distillation_loss(
    student: Tensor, teacher: Tensor, *, temperature: float = 1.0, mask: Tensor | None = None
) -> Tensor:
    """Divergence ``(…)`` of a student's categorical prediction from a teacher's, in float32 or wider.

    ``D = T² · KL(p‖q) = T² · Σ_k p_k (log p_k − log q_k)`` with ``p = softmax(teacher / T)``, ``q = softmax(student /
    T)``. The factor ``T²`` keeps the size of the gradient about the same for every ``T``.

    Args:
        student: Logits ``(…, classes)``; any float dtype.
        teacher: Logits of the same shape.
        temperature: ``T > 0``; larger values show more of what the teacher thinks of the other classes.
        mask: 0 for classes to exclude, ``(…, classes)``; by default none.

    Examples:
        p = (¾, ¼), q = (½, ½): ¾ ln (¾ / ½) + ¼ ln (¼ / ½)

        >>> distillation_loss(torch.tensor([0.0, 0.0]), torch.tensor([3.0, 1.0]).log())
        tensor(0.1308)

    References:
        Hinton et al. 2015 (arXiv 1503.02531).
    """
    log_q, log_p = (_log_probabilities(upcast(logits) / temperature, mask) for logits in (student, teacher))
    return temperature**2 * (log_p.exp() * (log_p - log_q)).sum(-1)


def binary_distillation_loss(student: Tensor, teacher: Tensor, *, temperature: float = 1.0) -> Tensor:
    """:func:`distillation_loss` ``(…)`` of independent yes/no predictions ``(…, labels)``, averaged over labels.

    The two classes of a label with logit ``a`` have the logits ``(a, 0)``.

    >>> binary_distillation_loss(torch.tensor([0.0]), torch.tensor([3.0]).log())  # ¾ ln (¾ / ½) + ¼ ln (¼ / ½)
    tensor(0.1308)
    """
    pairs = [torch.stack([logits, torch.zeros_like(logits)], dim=-1) for logits in (student, teacher)]
    return distillation_loss(*pairs, temperature=temperature).mean(-1)


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


def _log_probabilities(logits: Tensor, mask: Tensor | None) -> Tensor:
    """Log-softmax over the last dimension; 0 for excluded classes, whose −∞ would make differences NaN."""
    logits = upcast(logits)
    if mask is None:
        return F.log_softmax(logits, dim=-1)
    excluded = (mask == 0).expand_as(logits)
    return F.log_softmax(logits.masked_fill(excluded, -torch.inf), dim=-1).masked_fill(excluded, 0)
