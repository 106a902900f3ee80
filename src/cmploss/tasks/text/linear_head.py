"""The last linear layer of a classifier: its inputs, and its first weights from a linear model on them."""

from typing import Any

import numpy as np
import torch
from datasets import Dataset
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from cmploss.errors import UserError
from cmploss.tasks.text.classify import read_vectors
from cmploss.tasks.text.probe import LinearModel


def final_linear(model: Any) -> nn.Linear:
    """The linear layer outside the encoder that computes the logits."""
    inside = set(model.base_model.modules())
    layers = [
        module
        for module in model.modules()
        if isinstance(module, nn.Linear) and module not in inside and module.out_features == model.config.num_labels
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
        return read_vectors(model, tokenizer, encoded, read, batch_size)
    finally:
        handle.remove()


def start_head(model: Any, start: LinearModel) -> None:
    """Set the weights and the bias of the last linear layer to those of a linear model."""
    layer = final_linear(model)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(start.weight))
        layer.bias.copy_(torch.tensor(start.bias))
