"""A classifier of texts: an encoder, pooling over its tokens, dropout and a linear layer."""

from typing import Any, Literal

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput

from cmploss.losses.reduction import upcast

PoolingMode = Literal["cls", "mean"]
POOLING_MODES: tuple[PoolingMode, ...] = ("cls", "mean")
DROPOUT_NAMES = ("classifier_dropout", "classifier_dropout_prob", "seq_classif_dropout", "hidden_dropout_prob")
"""Names of the head's dropout rate in configurations of transformers; the first that is set counts."""


class Pooling(nn.Module):
    """One vector per text from the states of its tokens: the first token's state, or the mean over tokens.

    Examples:
        >>> states, mask = torch.tensor([[[2.0], [4.0], [9.0]]]), torch.tensor([[1, 1, 0]])
        >>> Pooling("mean")(states, mask), Pooling("cls")(states, mask)
        (tensor([[3.]]), tensor([[2.]]))
    """

    def __init__(self, mode: PoolingMode):
        super().__init__()
        if mode not in POOLING_MODES:
            raise ValueError(f"pooling={mode!r} is unknown; choose from {', '.join(POOLING_MODES)}")
        self.mode = mode

    def forward(self, states: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """States ``(batch, tokens, hidden)`` to ``(batch, hidden)``; the mask is 0 for padding tokens."""
        if attention_mask is None:
            return states[:, 0] if self.mode == "cls" else states.mean(1)
        if self.mode == "cls":
            return states[torch.arange(len(states), device=states.device), attention_mask.int().argmax(1)]
        wide = upcast(states)
        mask = attention_mask.unsqueeze(-1).to(wide.dtype)
        return ((wide * mask).sum(1) / mask.sum(1).clamp(min=1e-9)).to(states.dtype)

    def extra_repr(self) -> str:
        return self.mode


class PooledEncoderForSequenceClassification(PreTrainedModel):
    """``logits = W · dropout(pool(encoder(text))) + b``.

    :func:`cmploss.models.save_model` writes it as a cross-encoder of sentence-transformers. ``save_pretrained`` writes
    the whole state under this class's own names, which is what a checkpoint of the Trainer needs.

    If the encoder has a pooler, it is not used and not trained.

    Args:
        encoder: A transformers encoder without a head. Its configuration states the number of labels, the problem type,
            and the dropout rate of the head (:data:`DROPOUT_NAMES`; 0 if none is set).
        pooling: ``cls`` or ``mean``.
    """

    base_model_prefix = "encoder"
    # These were checked when the encoder was loaded.
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_flex_attn = True
    _supports_attention_backend = True

    def __init__(self, encoder: PreTrainedModel, pooling: PoolingMode):
        super().__init__(encoder.config)
        config: Any = encoder.config
        self.encoder = encoder
        self.pooling = Pooling(pooling)
        self.dropout = nn.Dropout(head_dropout(config))
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)
        self.supports_gradient_checkpointing = encoder.supports_gradient_checkpointing
        config.text_pooling = pooling  # so that a checkpoint of the Trainer states its pooling
        unread: Any = getattr(encoder, "pooler", None)
        if unread is not None:
            unread.requires_grad_(False)
        finish: Any = self.post_init  # not typed in transformers
        finish()

    def _init_weights(self, module: nn.Module) -> None:
        self.encoder._init_weights(module)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        labels: Tensor | None = None,
        **inputs: Any,
    ) -> SequenceClassifierOutput:
        """Inputs ``(batch, tokens)`` to logits ``(batch, labels)``, and with ``labels`` the mean task loss."""
        given = {"input_ids": input_ids, "attention_mask": attention_mask, "token_type_ids": token_type_ids} | inputs
        states = self.encoder(**{name: value for name, value in given.items() if value is not None})
        logits = self.classifier(self.dropout(self.pooling(states[0], attention_mask)))
        loss_of: Any = self.loss_function  # of transformers, by the problem type
        given = {"logits": logits, "pooled_logits": logits, "labels": labels, "config": self.config}
        return SequenceClassifierOutput(
            loss=None if labels is None else loss_of(**given),
            logits=logits,
            hidden_states=states.get("hidden_states"),
            attentions=states.get("attentions"),
        )


def head_dropout(config: Any) -> float:
    """The dropout rate that a configuration gives to a classification head.

    >>> from transformers import BertConfig
    >>> head_dropout(BertConfig(hidden_dropout_prob=0.2)), head_dropout(BertConfig(classifier_dropout=0.3))
    (0.2, 0.3)
    """
    rates = (getattr(config, name, None) for name in DROPOUT_NAMES)
    return float(next((rate for rate in rates if rate is not None), 0.0))
