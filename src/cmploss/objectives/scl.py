"""Supervised contrastive fine-tuning, alone or added to another objective."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cmploss.objectives.base import MultiPassObjective, ObjectiveOutput
from cmploss.objectives.supervised import Regularizer, Supervised
from cmploss.settings import setting

if TYPE_CHECKING:
    from torch import Tensor, nn

    from cmploss.objectives.run_plan import PassBatch

EMBEDDINGS = "embeddings"


@dataclass(frozen=True)
class SupervisedContrastive(Regularizer):
    """``(1 − λ) · L + λ · SCL``: the loss of another objective, and a loss that brings embeddings of a class together.

    ``SCL`` is :func:`cmploss.supervised_contrastive_loss` of the first token's last hidden state in the first pass of
    the plan, over the examples of one micro-batch, gathered from all processes. For a classifier with mean pooling, the
    mean over tokens replaces the first token's state. The model must be an encoder with a head for single-label
    classification.

    Args:
        weight: ``λ`` in [0, 1].
        temperature: ``τ > 0`` of the contrastive loss.
        base: The objective ``L``; by default the cross-entropy of one pass with dropout. With a comparative objective,
            the hidden states come from its full pass.

    Raises:
        ValueError: For a weight outside [0, 1] or a temperature that is not positive.

    Examples:
        >>> SupervisedContrastive(0.5)
        SupervisedContrastive(weight=0.5, temperature=0.3, base=Supervised(dropout=True, p=None))

    References:
        Gunel et al. 2021 (arXiv 2011.01403); the sum with other objectives and the mean over tokens are ours.
    """

    # The search space of Gunel et al. without λ = 1.
    weight: float = setting(
        0.9,
        option="contrastive_weight",
        search=(0.1, 0.3, 0.5, 0.7, 0.9),
        help="Weight λ of the contrastive loss in scl; the cross-entropy has weight 1 − λ.",
    )
    temperature: float = setting(
        0.3,
        option="contrastive_temperature",
        search=(0.1, 0.3, 0.5, 0.7),
        help="Temperature τ of the contrastive loss.",
    )
    base: MultiPassObjective = Supervised()

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 1:
            raise ValueError(f"contrastive weight={self.weight} must lie in [0, 1]")
        if not self.temperature > 0:
            raise ValueError(f"contrastive temperature={self.temperature} must be positive")

    @property
    def by_example(self) -> bool:
        return False

    def forward(self, model: nn.Module, inputs: Mapping[str, Any]) -> Any:
        """A pass of the base, with the hidden states among its outputs."""
        from cmploss.objectives.encoder_states import text_states

        with text_states(model) as states:
            outputs = copy(super().forward(model, inputs))
        if not states:
            raise ValueError("the encoder's hidden states could not be read; is a part of the model compiled?")
        outputs[EMBEDDINGS] = states[0]
        return outputs

    def score(self, passes: PassBatch) -> ObjectiveOutput:
        from cmploss.objectives.task_loss import head_of

        head = head_of(passes.model, passes.labels[0])
        if head != "single_label_classification":
            raise ValueError(f"a contrastive objective needs one class per example; this model is for {head}")
        base, contrast = self.base.score(passes), self._contrast(passes)
        logs = base.logs or {"loss_task": base.loss.detach()}
        loss = (1 - self.weight) * base.loss + self.weight * contrast
        return ObjectiveOutput(loss, logs | {"contrastive": contrast.detach()}, base.outputs)

    def _contrast(self, passes: PassBatch) -> Tensor:
        from cmploss.losses import supervised_contrastive_loss
        from cmploss.losses.per_example import IGNORED
        from cmploss.losses.reduction import upcast
        from cmploss.objectives.gather import all_gather_with_grad
        from cmploss.objectives.views import apply_mask

        labels = apply_mask(passes.labels[0]["labels"], passes.labels[0])
        embeddings = all_gather_with_grad(apply_mask(upcast(passes.outputs[0][EMBEDDINGS]), passes.labels[0]))
        classes = all_gather_with_grad(labels)
        known = classes != IGNORED
        loss = supervised_contrastive_loss(embeddings[known], classes[known], temperature=self.temperature)
        # Gradients reach the examples of this process only, and the trainer weights them by their share of all.
        return loss.detach() + len(classes) / max(len(labels), 1) * (loss - loss.detach())
