"""Vectors of texts by a classifier: the states of first tokens, and the inputs of its last linear layer."""

from typing import Any

import numpy as np
import torch
from datasets import Dataset
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import DataCollatorWithPadding, PreTrainedTokenizerBase

from cmploss.ablation import unwrap_model
from cmploss.ablation.exit_heads import EXIT_HEADS
from cmploss.errors import UserError
from cmploss.models import load_classifier, load_tokenizer, longest_input
from cmploss.objectives.encoder_states import text_encoder_of, text_states
from cmploss.tasks.run_examples import run_encoded
from cmploss.tasks.text.encoding import encode
from cmploss.tasks.text.probe import LinearModel


def check_encoder(model: Any, place: str) -> None:
    """Refuse a model whose first token does not attend to the text."""
    try:
        text_encoder_of(model)
    except ValueError as error:
        raise UserError(f"{place}: {error}") from error


def cls_vectors(
    model: Any, tokenizer: PreTrainedTokenizerBase, encoded: Dataset, *, batch_size: int = 64
) -> NDArray[np.float64]:
    """The last hidden state of each text's first token ([CLS]) in eval mode, before pooler and classifier.

    For a classifier that pools, it is the pooled vector.
    """
    with text_states(model) as vectors:
        return _read(model, tokenizer, encoded, vectors, batch_size)


def saved_cls_vectors(folder: str, examples: Dataset, *, batch_size: int = 64) -> NDArray[np.float64]:
    """Vectors of examples from a classifier in a folder or on the hub."""
    model = load_classifier(folder)
    check_encoder(model, folder)
    tokenizer = load_tokenizer(folder)
    encoded = encode(examples, tokenizer, longest_input(tokenizer))
    return cls_vectors(model, tokenizer, encoded, batch_size=batch_size)


def final_linear(model: Any) -> nn.Linear:
    """The linear layer outside the encoder that computes the logits."""
    model = unwrap_model(model)
    inside = set(model.base_model.modules())
    layers = [
        module
        for name, module in model.named_modules(remove_duplicate=False)
        if isinstance(module, nn.Linear)
        and module not in inside
        and module.out_features == model.config.num_labels
        and not name.startswith(f"{EXIT_HEADS}.")
        and module.weight.requires_grad  # not the layer that peft has kept, next to the one that is trained
    ]
    if len(layers) != 1 or layers[0].bias is None:
        raise UserError(
            f"--head_init probe needs a head that ends in one linear layer with a bias; {type(model).__name__} has "
            "another; give --pooling mean, or leave --head_init out"
        )
    return layers[0]


def head_vectors(
    model: Any, tokenizer: PreTrainedTokenizerBase, encoded: Dataset, *, batch_size: int = 64
) -> NDArray[np.float64]:
    """The inputs of :func:`final_linear` for each text in eval mode: ``(examples, features)``."""
    read: list[Tensor] = []
    handle = final_linear(model).register_forward_pre_hook(lambda _module, inputs: read.append(inputs[0]))
    try:
        return _read(model, tokenizer, encoded, read, batch_size)
    finally:
        handle.remove()


def start_head(model: Any, start: LinearModel) -> None:
    """Set the weights and the bias of the last linear layer to those of a linear model."""
    layer = final_linear(model)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(start.weight))
        layer.bias.copy_(torch.tensor(start.bias))


def _read(
    model: Any, tokenizer: PreTrainedTokenizerBase, encoded: Dataset, read: list[Tensor], batch_size: int
) -> NDArray[np.float64]:
    """Features that a hook on the model appends to ``read`` for each text, in eval mode: ``(examples, features)``."""

    def run(batch: dict[str, Tensor]) -> Tensor:
        batch.pop("labels", None)
        model(**batch)
        return read.pop().double().cpu()

    collate = DataCollatorWithPadding(tokenizer)
    return torch.stack(run_encoded(model, collate, encoded, run, batch_size=batch_size)).numpy()
