"""The per-example task loss of a model, found from its class and the labels of the batch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from cmploss.ablation import unwrap_model
from cmploss.losses import (
    binary_distillation_loss,
    distillation_loss,
    squared_difference,
    symmetric_binary_kl,
    symmetric_kl,
)
from cmploss.losses.per_example import (
    IGNORED,
    classification_losses,
    multi_label_losses,
    next_token_losses,
    next_tokens,
    regression_losses,
    span_losses,
    token_losses,
)
from cmploss.objectives.views import VALID

Labels = Mapping[str, Tensor]
TaskLoss = Callable[[Any, Mapping[str, Tensor]], Tensor]
"""(outputs of the model, labels of the batch) -> losses ``(batch,)`` or ``(batch, parts)``."""


class Divergence(NamedTuple):
    """How far two predictions differ: functions of two tensors of logits ``(…, n)`` that return ``(…)``."""

    classes: Callable[..., Tensor]  # of exclusive classes; it also takes mask=, 0 for classes to exclude
    labels: Callable[[Tensor, Tensor], Tensor]  # of independent labels


ATTENTION_MASK = "attention_mask"
SYMMETRIC = Divergence(symmetric_kl, symmetric_binary_kl)
RELEVANT = "relevant"  # rows of a passage matrix
LABEL_KEYS = ("labels", "start_positions", "end_positions", RELEVANT, VALID)


def split_labels(batch: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Split a plain batch into the inputs of the model and the labels that its outputs are compared with.

    The attention mask is in both: it shows which outputs belong to padding.
    """
    inputs = {key: value for key, value in batch.items() if key not in LABEL_KEYS}
    labels = {key: value for key, value in batch.items() if key in (*LABEL_KEYS, ATTENTION_MASK)}
    return inputs, labels


def split_batch(model: nn.Module, batch: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """:func:`split_labels` for a model; a sequence-to-sequence language model also reads its labels, one token later.

    transformers makes these inputs of the decoder from labels, which the model does not get here.
    """
    inputs, labels = split_labels(batch)
    shifted = getattr(unwrap_model(model), "prepare_decoder_input_ids_from_labels", None)
    if shifted is None or "labels" not in labels or inputs.keys() & {"decoder_input_ids", "decoder_inputs_embeds"}:
        return inputs, labels
    return inputs | {"decoder_input_ids": shifted(labels=labels["labels"])}, labels


def checked_losses(losses: Tensor, labels: Mapping[str, Tensor]) -> Tensor:
    """The losses ``(batch, …)`` of a task loss.

    Raises:
        ValueError: There is not one for each example.
    """
    count = next((len(value) for value in labels.values() if isinstance(value, Tensor) and value.ndim), None)
    if count is not None and losses.shape[:1] != (count,):
        shape = tuple(losses.shape)
        raise ValueError(f"task_loss must return one loss for each of {count} examples; got the shape {shape}")
    return losses


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
    causal language models        mean cross-entropy over an example's labelled tokens, each predicted one position
                                  before it
    seq2seq language models       mean cross-entropy over an example's labelled tokens of the decoder
    ============================  =================================================================================

    Args:
        model: A transformers model, possibly wrapped (DistributedDataParallel, PEFT, torch.compile).
        labels: The labels of one batch.
        class_weights: ``(classes,)`` for single-label classification.
        label_smoothing: ε in [0, 1) for single-label, multiple-choice and token classification, and language models.

    Raises:
        ValueError: If the model's class or the label keys are not among these, or an option does not apply.
    """
    kind = head_of(model, labels)
    given = {"class_weights": class_weights, "label_smoothing": label_smoothing or None}
    options = {name: value for name, value in given.items() if value is not None}
    for name in options:
        if name not in _HEADS[kind].options:
            raise ValueError(f"{name} does not apply to a model for {kind}")
    return partial(_HEADS[kind].losses, **options)


def divergences(model: nn.Module, outputs: Sequence[Any], labels: Labels, divergence: Divergence = SYMMETRIC) -> Tensor:
    """How far two outputs of a model differ for each example, ``(batch,)``; regressions by their squared difference."""
    first, second = outputs
    return _HEADS[head_of(model, labels)].divergences(divergence, first, second, labels)


def distillation(temperature: float) -> Divergence:
    """The divergence of a student, the first output, from a teacher."""
    losses = (distillation_loss, binary_distillation_loss)
    return Divergence(*(partial(loss, temperature=temperature) for loss in losses))


def labelled_mean(values: Tensor, labels: Tensor) -> Tensor:
    """Values ``(batch,)`` or ``(batch, tokens)`` -> ``(batch,)``; values without a label count as 0."""
    labelled = (labels != IGNORED).to(values.dtype)
    values = values * labelled
    return values if values.dim() == 1 else values.sum(-1) / labelled.sum(-1).clamp_min(1)


def head_of(model: nn.Module, labels: Labels) -> str:
    """What a model predicts: the suffix of its class name, or for sequence classification the problem type."""
    head = class_head(unwrap_model(model))
    _expect(labels, head, ("start_positions", "end_positions") if head == "QuestionAnswering" else ("labels",))
    return _problem_type(unwrap_model(model), labels["labels"]) if head == "SequenceClassification" else head


@dataclass(frozen=True)
class _Head:
    losses: Callable[..., Tensor]  # (outputs, labels, **options) -> (batch, …)
    divergences: Callable[[Divergence, Any, Any, Labels], Tensor]  # (…, outputs, outputs, labels) -> (batch,)
    options: tuple[str, ...] = ()


def _losses(of: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda outputs, labels, **options: of(outputs.logits, labels["labels"], **options)


def _class_divergences(between: Divergence, first: Any, second: Any, labels: Labels) -> Tensor:
    return between.classes(first.logits, second.logits)


def _label_divergences(between: Divergence, first: Any, second: Any, labels: Labels) -> Tensor:
    return between.labels(first.logits, second.logits)


def _squared_differences(between: Divergence, first: Any, second: Any, labels: Labels) -> Tensor:
    return squared_difference(first.logits, second.logits)


def _token_divergences(between: Divergence, first: Any, second: Any, labels: Labels) -> Tensor:
    return labelled_mean(between.classes(first.logits, second.logits), labels["labels"])


def _next_token_divergences(between: Divergence, first: Any, second: Any, labels: Labels) -> Tensor:
    (one, kept), (two, _) = (next_tokens(outputs.logits, labels["labels"]) for outputs in (first, second))
    return labelled_mean(between.classes(one, two), kept)


def _span_losses(outputs: Any, labels: Labels) -> Tensor:
    positions = labels["start_positions"], labels["end_positions"]
    return span_losses(outputs.start_logits, outputs.end_logits, *positions, mask=labels.get(ATTENTION_MASK))


def _span_divergences(between: Divergence, first: Any, second: Any, labels: Labels) -> Tensor:
    mask = labels.get(ATTENTION_MASK)
    start = between.classes(first.start_logits, second.start_logits, mask=mask)
    end = between.classes(first.end_logits, second.end_logits, mask=mask)
    return (start + end) / 2


_HEADS = {
    "single_label_classification": _Head(
        _losses(classification_losses), _class_divergences, ("class_weights", "label_smoothing")
    ),
    "multi_label_classification": _Head(_losses(multi_label_losses), _label_divergences),
    "regression": _Head(_losses(regression_losses), _squared_differences),
    "MultipleChoice": _Head(_losses(classification_losses), _class_divergences, ("label_smoothing",)),
    "TokenClassification": _Head(_losses(token_losses), _token_divergences, ("label_smoothing",)),
    "QuestionAnswering": _Head(_span_losses, _span_divergences),
    "CausalLM": _Head(_losses(next_token_losses), _next_token_divergences, ("label_smoothing",)),
    "Seq2SeqLM": _Head(_losses(token_losses), _token_divergences, ("label_smoothing",)),
}


def class_head(model: nn.Module) -> str:
    heads = ("SequenceClassification", "MultipleChoice", "TokenClassification", "QuestionAnswering")
    for ancestor in type(model).__mro__:
        for head in heads:
            if ancestor.__name__.endswith(f"For{head}"):
                return head
        if ancestor.__name__ == "GenerationMixin":  # of transformers; class names of language models vary
            return "Seq2SeqLM" if cast(Any, model).config.is_encoder_decoder else "CausalLM"
    raise ValueError(
        f"no task loss is known for {type(model).__name__}; give task_loss=, a function of (outputs, labels) that "
        f"returns one loss per example (known heads: {', '.join(f'…For{head}' for head in heads)}, and language models)"
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
