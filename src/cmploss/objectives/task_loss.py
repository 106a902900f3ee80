"""The per-example task loss of a model, found from its class and the labels of the batch."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from cmploss.ablation import unwrap_model
from cmploss.losses.per_example import (
    classification_losses,
    multi_label_losses,
    regression_losses,
    span_losses,
    token_losses,
)
from cmploss.objectives.views import COMPARABLE

TaskLoss = Callable[[Any, Mapping[str, Tensor]], Tensor]
"""(outputs of the model, labels of the batch) -> losses ``(batch,)`` or ``(batch, parts)``."""

ATTENTION_MASK = "attention_mask"
RELEVANT = "relevant"  # rows of a passage matrix
LABEL_KEYS = ("labels", "start_positions", "end_positions", RELEVANT, COMPARABLE)


def split_labels(batch: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Part a plain batch into what the model reads and the labels that its outputs are compared with.

    The attention mask is among both: it tells which outputs are of padding.
    """
    inputs = {key: value for key, value in batch.items() if key not in LABEL_KEYS}
    labels = {key: value for key, value in batch.items() if key in (*LABEL_KEYS, ATTENTION_MASK)}
    return inputs, labels


def task_loss_for(
    model: nn.Module,
    labels: Mapping[str, Tensor],
    *,
    class_weights: Tensor | None = None,
    label_smoothing: float = 0.0,
) -> TaskLoss:
    """Choose the per-example task loss from the model's class and the label keys of a batch.

    ============================  =================================================================================
    model                         losses
    ============================  =================================================================================
    …ForSequenceClassification    by ``config.problem_type``; if unset, as transformers infers it: one output is
                                  regression, integer labels are single-label, float labels multi-label
    …ForMultipleChoice            cross-entropy over choices
    …ForTokenClassification       mean cross-entropy over an example's labelled tokens
    …ForQuestionAnswering         cross-entropy of start and end over the tokens that are not padding, ``(batch, 2)``
    ============================  =================================================================================

    Args:
        model: A transformers model, possibly wrapped (DistributedDataParallel, PEFT, torch.compile).
        labels: The labels of one batch.
        class_weights: ``(classes,)`` for single-label classification.
        label_smoothing: ε in [0, 1) for single-label, multiple-choice and token classification.

    Raises:
        ValueError: If the model's class or the label keys are not among these, or an option does not apply.
    """
    kind = kind_of(model, labels)
    given = {"class_weights": class_weights, "label_smoothing": label_smoothing or None}
    options = {name: value for name, value in given.items() if value is not None}
    function, accepted = TASK_LOSSES[kind]
    for name in options:
        if name not in accepted:
            raise ValueError(f"{name} does not apply to a model for {kind}")
    return partial(function, **options)


def kind_of(model: nn.Module, labels: Mapping[str, Tensor]) -> str:
    """What a model predicts, a key of :data:`TASK_LOSSES`.

    Raises:
        ValueError: If the model's class or the label keys are not among those of :func:`task_loss_for`.
    """
    head = _head_of(unwrap_model(model))
    _expect(labels, head, ("start_positions", "end_positions") if head == "QuestionAnswering" else ("labels",))
    return _problem_type(unwrap_model(model), labels["labels"]) if head == "SequenceClassification" else head


def _by_class(outputs: Any, labels: Mapping[str, Tensor], **options: Any) -> Tensor:
    return classification_losses(outputs.logits, labels["labels"], **options)


def _by_label(outputs: Any, labels: Mapping[str, Tensor]) -> Tensor:
    return multi_label_losses(outputs.logits, labels["labels"])


def _by_value(outputs: Any, labels: Mapping[str, Tensor]) -> Tensor:
    return regression_losses(outputs.logits, labels["labels"])


def _by_token(outputs: Any, labels: Mapping[str, Tensor], **options: Any) -> Tensor:
    return token_losses(outputs.logits, labels["labels"], **options)


def _by_span(outputs: Any, labels: Mapping[str, Tensor]) -> Tensor:
    positions = labels["start_positions"], labels["end_positions"]
    return span_losses(outputs.start_logits, outputs.end_logits, *positions, mask=labels.get(ATTENTION_MASK))


TASK_LOSSES: dict[str, tuple[Callable[..., Tensor], tuple[str, ...]]] = {
    "single_label_classification": (_by_class, ("class_weights", "label_smoothing")),
    "multi_label_classification": (_by_label, ()),
    "regression": (_by_value, ()),
    "MultipleChoice": (_by_class, ("label_smoothing",)),
    "TokenClassification": (_by_token, ("label_smoothing",)),
    "QuestionAnswering": (_by_span, ()),
}


def _head_of(model: nn.Module) -> str:
    heads = ("SequenceClassification", "MultipleChoice", "TokenClassification", "QuestionAnswering")
    for ancestor in type(model).__mro__:
        for head in heads:
            if ancestor.__name__.endswith(f"For{head}"):
                return head
    raise ValueError(
        f"no task loss is known for {type(model).__name__}; give task_loss=, a function of (outputs, labels) that "
        f"returns one loss per example (known heads: {', '.join(f'…For{head}' for head in heads)})"
    )


def _problem_type(model: Any, labels: Tensor) -> str:
    config = model.config
    if config.problem_type is not None:
        return str(config.problem_type)
    if config.num_labels == 1:
        return "regression"
    integers = not (labels.is_floating_point() or labels.dtype == torch.bool)
    return "single_label_classification" if integers else "multi_label_classification"


def _expect(labels: Mapping[str, Tensor], head: str, keys: tuple[str, ...]) -> None:
    missing = [key for key in keys if key not in labels]
    if missing:
        raise ValueError(f"a model for {head} needs {' and '.join(keys)} in the batch; missing: {', '.join(missing)}")
