"""Vectors of texts by a trained encoder: the states of their first tokens, or what a classifier pools."""

from typing import Any

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from cmploss.errors import UserError
from cmploss.models import load_classifier, load_tokenizer, longest_input
from cmploss.objectives.encoder_states import text_encoder_of, text_states
from cmploss.tasks.text.classify import read_vectors
from cmploss.tasks.text.encoding import encode


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
        return read_vectors(model, tokenizer, encoded, vectors, batch_size)


def saved_cls_vectors(folder: str, examples: Dataset, *, batch_size: int = 64) -> NDArray[np.float64]:
    """Vectors of examples from a classifier in a folder or on the hub."""
    model = load_classifier(folder)
    check_encoder(model, folder)
    tokenizer = load_tokenizer(folder)
    encoded = encode(examples, tokenizer, longest_input(tokenizer))
    return cls_vectors(model, tokenizer, encoded, batch_size=batch_size)
