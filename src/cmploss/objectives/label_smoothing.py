"""Label smoothing of any objective."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cmploss.objectives.base import MultiPassObjective, ObjectiveOutput
from cmploss.objectives.supervised import Regularizer, Supervised
from cmploss.settings import setting

if TYPE_CHECKING:
    from cmploss.objectives.run_plan import PassBatch

_HEADS = ("single_label_classification", "MultipleChoice", "TokenClassification", "CausalLM", "Seq2SeqLM")


@dataclass(frozen=True)
class LabelSmoothing(Regularizer):
    """``(1 − ε) · L + ε · U``: an objective, and the cross-entropy of its first pass against the uniform distribution.

    With the cross-entropy as ``L`` this is label smoothing as in PyTorch (without class weights). It applies to
    single-label, multiple-choice and token classification, and to the tokens of language models.

    Args:
        epsilon: ``ε`` in [0, 1).
        base: The objective ``L``; by default the task loss of one pass with dropout.

    Raises:
        ValueError: For an ``ε`` outside [0, 1).

    Examples:
        >>> LabelSmoothing()
        LabelSmoothing(epsilon=0.1, base=Supervised(dropout=True, p=None))

    References:
        Szegedy et al. 2016 (arXiv 1512.00567).
    """

    # The search space is ours.
    epsilon: float = setting(
        0.1,
        option="smoothing",
        search=(0.05, 0.1, 0.2),
        help="Probability ε that label_smoothing spreads over all classes.",
    )
    base: MultiPassObjective = Supervised()

    def __post_init__(self) -> None:
        if not 0 <= self.epsilon < 1:
            raise ValueError(f"epsilon={self.epsilon} of label smoothing must lie in [0, 1)")

    def score(self, passes: PassBatch) -> ObjectiveOutput:
        from cmploss.losses import uniform_cross_entropy
        from cmploss.losses.per_example import next_tokens
        from cmploss.objectives.task_loss import head_of, labelled_mean
        from cmploss.objectives.views import apply_mask, mean_or_zero

        labels = passes.labels[0]
        head = head_of(passes.model, labels)
        if head not in _HEADS:
            raise ValueError(f"label smoothing needs a model with exclusive classes; this model is for {head}")
        base = self.base.score(passes)
        logits, targets = passes.outputs[0].logits, labels["labels"]
        if head == "CausalLM":
            logits, targets = next_tokens(logits, targets)
        losses = labelled_mean(uniform_cross_entropy(logits), targets)
        uniform = mean_or_zero(apply_mask(losses, labels))
        logs = base.logs or {"loss_task": base.loss.detach()}
        loss = (1 - self.epsilon) * base.loss + self.epsilon * uniform
        return ObjectiveOutput(loss, logs | {"uniform": uniform.detach()}, base.outputs)
