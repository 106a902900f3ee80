"""Supervised contrastive fine-tuning, by itself or on top of another objective."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from cmploss.engine import replace_outputs
from cmploss.losses import supervised_contrastive_loss
from cmploss.losses.per_example import IGNORED
from cmploss.losses.reduction import upcast
from cmploss.objectives.base import Outcome, Passes, PassObjective
from cmploss.objectives.encoder_states import first_token_states
from cmploss.objectives.gather import of_all_processes, with_gradient_times
from cmploss.objectives.supervised import Term
from cmploss.objectives.task_loss import kind_of
from cmploss.objectives.views import kept

EMBEDDINGS = "embeddings"


class SupervisedContrastive(Term):
    """``(1 − λ) · L + λ · SCL``: the loss of another objective, and classes that gather in the encoder.

    ``SCL`` is :func:`cmploss.supervised_contrastive_loss` of the first token's last hidden state in the first pass of
    the plan, over the examples of a micro-batch of all processes. It needs an encoder with a head for single-label
    classification.

    Args:
        weight: ``λ`` in [0, 1].
        temperature: ``τ > 0`` of the contrastive loss.
        base: The objective ``L``; by default the cross-entropy of one pass with dropout. A comparative objective
            takes the place of the cross-entropy, and its full pass gives the hidden states too.

    Raises:
        ValueError: For a weight outside [0, 1] or a temperature that is not positive.

    Example:
        >>> SupervisedContrastive(0.5)
        SupervisedContrastive(weight=0.5, temperature=0.3, base=Supervised(dropout=True))

    Source: Gunel et al. 2021 (arXiv 2011.01403); the sum with other objectives is ours.
    """

    def __init__(self, weight: float = 0.9, temperature: float = 0.3, base: PassObjective | None = None):
        if not 0 <= weight <= 1:
            raise ValueError(f"contrastive weight={weight} must lie in [0, 1]")
        if not temperature > 0:
            raise ValueError(f"contrastive temperature={temperature} must be positive")
        super().__init__(base)
        self.weight = weight
        self.temperature = temperature

    def __repr__(self) -> str:
        return f"SupervisedContrastive({self.options('weight', 'temperature', 'base')})"

    def forward(self, model: nn.Module, inputs: Mapping[str, Any]) -> Any:
        """A pass of the base, with the hidden states among its outputs."""
        with first_token_states(model) as found:
            outputs = super().forward(model, inputs)
        if not found:
            raise ValueError("the encoder's hidden states could not be read; is a part of the model compiled?")
        return replace_outputs(outputs, {EMBEDDINGS: found[0]})

    def score(self, passes: Passes) -> Outcome:
        """The base's outcome and the contrast of the first pass."""
        kind = kind_of(passes.model, passes.labels[0])
        if kind != "single_label_classification":
            raise ValueError(f"a contrastive objective needs one class per example; the model is for {kind}")
        base, contrast = self.base.score(passes), self._contrast(passes)
        parts = base.parts or {"loss_task": base.loss.detach()}
        loss = (1 - self.weight) * base.loss + self.weight * contrast
        return Outcome(loss, parts | {"contrastive": contrast.detach()}, base.outputs)

    def _contrast(self, passes: Passes) -> Tensor:
        labels = kept(passes.labels[0]["labels"], passes.labels[0])
        embeddings = of_all_processes(kept(upcast(passes.outputs[0][EMBEDDINGS]), passes.labels[0]))
        classes = of_all_processes(labels)
        known = classes != IGNORED
        loss = supervised_contrastive_loss(embeddings[known], classes[known], temperature=self.temperature)
        # A process answers for its own examples in a loss of all, and what it answers is weighted by their share.
        return with_gradient_times(loss, len(classes) / max(len(labels), 1))
