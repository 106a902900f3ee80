"""What a trained encoder makes of texts: the vectors of their first tokens."""

from typing import Any

import numpy as np
import torch
from datasets import Dataset
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from cmploss.errors import UserError
from cmploss.models import load_classifier, load_tokenizer, longest_input
from cmploss.objectives.encoder_states import text_encoder_of
from cmploss.tasks.text.classify import run_encoded
from cmploss.tasks.text.encoding import encode


def check_encoder(model: Any, place: str) -> None:
    """Refuse a model whose first token has not read the text.

    Args:
        model: A classifier of transformers.
        place: What the message begins with.

    Raises:
        UserError: A decoder, or an encoder with a decoder.
    """
    try:
        text_encoder_of(model)
    except ValueError as error:
        raise UserError(f"{place}: {error}") from error


def cls_vectors(
    model: Any, tokenizer: PreTrainedTokenizerBase, encoded: Dataset, *, batch_size: int = 64
) -> NDArray[np.float64]:
    """The last hidden state of each text's first token ([CLS]) in eval mode, before pooler and classifier.

    Args:
        model: A classifier of transformers with an encoder as its ``base_model``.
        tokenizer: Its tokenizer, which pads on the right.
        encoded: Columns of :func:`cmploss.tasks.text.encode`; labels are not read.
        batch_size: Texts per batch; batches hold texts of similar length.

    Returns:
        Vectors ``(examples, hidden)`` in the order of ``encoded``.
    """

    def run(batch: dict[str, Tensor]) -> Tensor:
        batch.pop("labels", None)
        vectors: Tensor = model.base_model(**batch).last_hidden_state[:, 0]
        return vectors.double().cpu()

    return torch.stack(run_encoded(model, tokenizer, encoded, run, batch_size=batch_size)).numpy()


def saved_cls_vectors(folder: str, examples: Dataset, *, batch_size: int = 64) -> NDArray[np.float64]:
    """The vectors that the classifier saved in a folder (or on the hub) gives to examples.

    Args:
        folder: A plain transformers checkpoint, such as ``best/`` of a study or the folder of ``cmploss train``.
        examples: Columns ``text``, perhaps ``text_pair``, and ``label``, such as the test split of a task.
        batch_size: Texts per batch.

    Raises:
        UserError: The model cannot be loaded, has no trained head, or is a decoder.
    """
    model = load_classifier(folder)
    check_encoder(model, folder)
    tokenizer = load_tokenizer(folder)
    encoded = encode(examples, tokenizer, longest_input(tokenizer))
    return cls_vectors(model, tokenizer, encoded, batch_size=batch_size)
