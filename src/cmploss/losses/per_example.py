"""Task losses of each example, unreduced: what the comparative losses compare.

Every function returns losses in float32 or wider, whatever the dtype of the logits.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from cmploss.losses.reduction import upcast

IGNORED = -100


def classification_losses(
    logits: Tensor, labels: Tensor, *, class_weights: Tensor | None = None, label_smoothing: float = 0.0
) -> Tensor:
    """Cross-entropy of each example ``(batch,)``: ``w_y · −log softmax(logits)_y``, and 0 where the label is −100.

    With label smoothing ε: ``(1−ε)`` times this loss plus ``ε`` times the mean over classes ``k`` of ``w_k · −log
    softmax_k``. With class weights the batch mean divides by the number of examples, not by the sum of weights. For
    multiple choice the logits are ``(batch, choices)``.

    >>> classification_losses(torch.tensor([[0.0, 0.0]]), torch.tensor([1]))
    tensor([0.6931])
    """
    weights = None if class_weights is None else class_weights.to(logits.device, upcast(logits).dtype)
    return F.cross_entropy(
        upcast(logits), labels, weight=weights, ignore_index=IGNORED, reduction="none", label_smoothing=label_smoothing
    )


def multi_label_losses(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean binary cross-entropy of each example over its labels (0, 1 or probabilities)."""
    logits = upcast(logits)
    return F.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype), reduction="none").mean(-1)


def regression_losses(predictions: Tensor, labels: Tensor) -> Tensor:
    """Squared error of each example, averaged over its outputs.

    >>> regression_losses(torch.tensor([[2.0], [1.0]]), torch.tensor([5.0, 1.0]))
    tensor([9., 0.])
    """
    predictions = upcast(predictions)
    return (predictions - labels.to(predictions.dtype).view_as(predictions)).square().mean(-1)


def token_losses(logits: Tensor, labels: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
    """Mean cross-entropy over the labelled tokens of each example; 0 for an example without any.

    Every example weighs the same in a batch, however many tokens it has. (transformers averages over all labelled
    tokens of the batch, where long examples weigh more.)
    """
    each = F.cross_entropy(
        upcast(logits).transpose(1, 2), labels, ignore_index=IGNORED, reduction="none", label_smoothing=label_smoothing
    )
    return each.sum(-1) / (labels != IGNORED).sum(-1).clamp_min(1)


def next_token_losses(logits: Tensor, labels: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
    """:func:`token_losses` of a causal model, whose logits at a position predict the token after it.

    Labels of the last positions alone, ``(batch, last)``, leave out the logits of all earlier positions.

    >>> zeros = torch.zeros(1, 3, 2)  # the last of three tokens is labelled
    >>> next_token_losses(zeros, torch.tensor([[-100, 1]]))
    tensor([0.6931])
    """
    return token_losses(*next_tokens(logits, labels), label_smoothing=label_smoothing)


def next_tokens(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The logits that predict the labels of a causal model, and these labels, both ``(batch, last − 1, …)``."""
    return logits[:, -labels.shape[1] : -1], labels[:, 1:]


def span_losses(
    start_logits: Tensor, end_logits: Tensor, starts: Tensor, ends: Tensor, *, mask: Tensor | None = None
) -> Tensor:
    """Cross-entropy of the answer's start and end token ``(batch, 2)``, as two losses that are compared separately.

    Tokens whose ``mask`` ``(batch, tokens)`` is 0 are excluded. With a padding mask, the loss of an example does not
    depend on the lengths of the other examples in the batch. (transformers does not exclude padding; a crop would then
    beat a longer view merely because it has less padding.) A position beyond the last token has loss 0, as in
    transformers; one on an excluded token has an infinite loss, which ends training.

    >>> zeros = torch.zeros(1, 3)  # two candidates and one token of padding
    >>> span_losses(zeros, zeros, torch.tensor([0]), torch.tensor([1]), mask=torch.tensor([[1, 1, 0]]))
    tensor([[0.6931, 0.6931]])
    """
    logits = upcast(torch.stack([start_logits, end_logits], dim=1))  # (batch, 2, tokens)
    if mask is not None:
        logits = logits.masked_fill(mask.unsqueeze(1) == 0, -torch.inf)
    positions = torch.stack([starts.reshape(-1), ends.reshape(-1)], dim=1)
    positions = positions.masked_fill((positions < 0) | (positions >= logits.shape[-1]), IGNORED)
    return F.cross_entropy(logits.transpose(1, 2), positions, ignore_index=IGNORED, reduction="none")
