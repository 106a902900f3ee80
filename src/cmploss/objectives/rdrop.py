"""Objectives that tie predictions: two draws of dropout to each other, and all of them to the uniform distribution."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from cmploss.ablation import dropout_sites
from cmploss.choices import ENGINES, Engine, check_option
from cmploss.losses import squared_difference, symmetric_binary_kl, symmetric_kl, uniform_cross_entropy
from cmploss.losses.per_example import IGNORED
from cmploss.objectives.base import Labels, Outcome, Passes, PassObjective
from cmploss.objectives.supervised import Term
from cmploss.objectives.task_loss import ATTENTION_MASK, kind_of
from cmploss.objectives.views import kept, mean_or_zero


class RDrop(Term):
    """``½ (L + L′) + α · D``: an objective under two independent draws of dropout whose predictions must agree.

    ``L`` and ``L′`` are the losses of the base under either draw. ``D`` is the mean over examples of the symmetric
    divergence ``½ (KL(p‖p′) + KL(p′‖p))`` of the predictions, averaged over the passes of the base that have dropout:
    of classes; of the classes of each labelled token; of the start and of the end of an answer, averaged; of each
    label of a multi-label model, averaged. For regression it is the squared difference. A pass without dropout has no
    second draw and runs once.

    Args:
        alpha: ``α ≥ 0``.
        base: The objective ``L``; by default the task loss of one pass with dropout.
        engine: How the passes are run (see :func:`cmploss.engine.run_passes`).

    Raises:
        ValueError: For a negative ``α``, or a base without dropout.

    Example:
        >>> RDrop(alpha=5.0)
        RDrop(alpha=5.0, base=Supervised(dropout=True), engine='auto')

    Source: Liang et al. 2021 (arXiv 2106.14448); there the two losses are added, so that its α acts half as strongly.
    """

    def __init__(self, alpha: float = 1.0, base: PassObjective | None = None, engine: Engine = "auto"):
        check_option("engine", engine, ENGINES)
        if not alpha >= 0:
            raise ValueError(f"alpha={alpha} must not be negative")
        super().__init__(base)
        self.alpha = alpha
        self.engine = engine
        self._again = tuple(variant.with_new_masks() for variant in self.base.variants)
        self._pairs = [pair for pair in zip(self.base.variants, self._again, strict=True) if pair[0] != pair[1]]
        if not self._pairs:
            raise ValueError(f"R-Drop compares two draws of dropout, and {self.base!r} has no pass with dropout")
        self.variants = tuple(dict.fromkeys([*self.base.variants, *self._again]))

    def __repr__(self) -> str:
        return f"RDrop({self.options('alpha', 'base', 'engine')})"

    def score(self, passes: Passes) -> Outcome:
        """The base's outcome under both draws, and how far their predictions differ."""
        if all(variant.p is None for variant in self.variants) and not any(s.rate for s in dropout_sites(passes.model)):
            raise ValueError(
                "R-Drop compares two draws of dropout, and every dropout of the model has rate 0: give a rate, as in "
                "RDrop(base=Supervised(p=0.1)) or --dropout_p 0.1"
            )
        first, second = (self.base.score(passes.of(variants)) for variants in (self.base.variants, self._again))
        differ = DIVERGENCES[kind_of(passes.model, passes.labels[0])]
        pairs = [passes.of(pair) for pair in self._pairs]
        each = [differ(pair.outputs[0], pair.outputs[1], pair.labels[0]) for pair in pairs]
        divergence = mean_or_zero(kept(torch.stack(each, dim=-1), passes.labels[0]))
        task = (first.loss + second.loss) / 2
        both = zip(first.parts.items(), second.parts.values(), strict=True)
        parts = {name: (one + two) / 2 for (name, one), two in both} or {"loss_task": task.detach()}
        return Outcome(task + self.alpha * divergence, parts | {"divergence": divergence.detach()}, first.outputs)


def _by_class(first: Any, second: Any, labels: Labels) -> Tensor:
    return symmetric_kl(first.logits, second.logits)


def _by_label(first: Any, second: Any, labels: Labels) -> Tensor:
    return symmetric_binary_kl(first.logits, second.logits)


def _by_value(first: Any, second: Any, labels: Labels) -> Tensor:
    return squared_difference(first.logits, second.logits)


def _by_token(first: Any, second: Any, labels: Labels) -> Tensor:
    return _mean_of_labelled(symmetric_kl(first.logits, second.logits), labels["labels"])


def _by_span(first: Any, second: Any, labels: Labels) -> Tensor:
    mask = labels.get(ATTENTION_MASK)
    start = symmetric_kl(first.start_logits, second.start_logits, mask=mask)
    end = symmetric_kl(first.end_logits, second.end_logits, mask=mask)
    return (start + end) / 2


DIVERGENCES: dict[str, Callable[[Any, Any, Labels], Tensor]] = {
    "single_label_classification": _by_class,
    "multi_label_classification": _by_label,
    "regression": _by_value,
    "MultipleChoice": _by_class,
    "TokenClassification": _by_token,
    "QuestionAnswering": _by_span,
}


class LabelSmoothing(Term):
    """``(1 − ε) · L + ε · U``: an objective, and the cross-entropy of its first pass against the uniform distribution.

    With the cross-entropy as ``L`` this is label smoothing as PyTorch has it (without class weights). For single-label,
    multiple-choice and token classification.

    Args:
        epsilon: ``ε`` in [0, 1).
        base: The objective ``L``; by default the task loss of one pass with dropout.

    Raises:
        ValueError: For an ``ε`` outside [0, 1).

    Example:
        >>> LabelSmoothing()
        LabelSmoothing(epsilon=0.1, base=Supervised(dropout=True))

    Source: Szegedy et al. 2016 (arXiv 1512.00567).
    """

    def __init__(self, epsilon: float = 0.1, base: PassObjective | None = None):
        if not 0 <= epsilon < 1:
            raise ValueError(f"epsilon={epsilon} of label smoothing must lie in [0, 1)")
        super().__init__(base)
        self.epsilon = epsilon

    def __repr__(self) -> str:
        return f"LabelSmoothing({self.options('epsilon', 'base')})"

    def score(self, passes: Passes) -> Outcome:
        """The base's outcome, smoothed."""
        labels = passes.labels[0]
        kind = kind_of(passes.model, labels)
        if kind not in SMOOTHED:
            raise ValueError(f"label smoothing needs classes to spread probability over; the model is for {kind}")
        base = self.base.score(passes)
        each = _mean_of_labelled(uniform_cross_entropy(passes.outputs[0].logits), labels["labels"])
        uniform = mean_or_zero(kept(each, labels))
        parts = base.parts or {"loss_task": base.loss.detach()}
        loss = (1 - self.epsilon) * base.loss + self.epsilon * uniform
        return Outcome(loss, parts | {"uniform": uniform.detach()}, base.outputs)


SMOOTHED = ("single_label_classification", "MultipleChoice", "TokenClassification")


def _mean_of_labelled(values: Tensor, labels: Tensor) -> Tensor:
    """Values ``(batch,)`` or ``(batch, tokens)`` -> ``(batch,)``; what has no label does not count."""
    labelled = (labels != IGNORED).to(values.dtype)
    values = values * labelled
    return values if values.dim() == 1 else values.sum(-1) / labelled.sum(-1).clamp_min(1)
