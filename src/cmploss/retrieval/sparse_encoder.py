"""A retriever of token weights: how much each word of the vocabulary counts for a text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from transformers import PreTrainedTokenizerBase

from cmploss.devices import choose_device
from cmploss.errors import UserError
from cmploss.models import load_tokenizer, longest_input
from cmploss.retrieval.encoder import weights_fingerprint
from cmploss.retrieval.encoder_config import SparseEncoderConfig
from cmploss.retrieval.vector_models import SparseModel, sparse_model


@dataclass(frozen=True)
class SparseEncoder:
    """Texts to token weights ``(len(texts), V)``; a document keeps its ``max_terms`` largest, a query all of them."""

    name: str
    model: SparseModel
    tokenizer: PreTrainedTokenizerBase
    max_length: int
    max_terms: int | None = None

    def documents(self, texts: Sequence[str], batch_size: int = 32) -> sparse.csr_matrix[np.float32]:
        weights = self.queries(texts, batch_size)
        if self.max_terms is not None and self.max_terms < self.width:
            smaller = np.argpartition(weights, -self.max_terms, axis=1)[:, : -self.max_terms]
            np.put_along_axis(weights, smaller, 0, axis=1)
        return sparse.csr_matrix(weights)

    def queries(self, texts: Sequence[str], batch_size: int = 32) -> NDArray[np.float32]:
        inputs = [self.tokenizer(text, truncation=True, max_length=self.max_length) for text in texts]
        return self.model.encode(self.tokenizer, inputs, batch_size)

    @property
    def width(self) -> int:
        return int(self.model.config.vocab_size)

    @property
    def settings(self) -> dict[str, Any]:
        """What determines the weights: fingerprint of the model, its head, longest input, what is done to them."""
        return {
            "weights": weights_fingerprint(self.model),
            "head": self.model.settings.head,
            "max_length": self.max_length,
            "token_weights": self.model.settings.weights,
            "max_terms": self.max_terms,
        }


def load_sparse_encoder(config: SparseEncoderConfig) -> SparseEncoder:
    """Load a retriever of token weights in eval mode, on the accelerator if there is one."""
    tokenizer = load_tokenizer(config.model)
    most = longest_input(tokenizer)
    length = most if config.max_length is None else config.max_length
    if not 3 <= length <= most:
        raise UserError(f"--max_length {length} is out of range for {config.model}; choose 3 to {most}")
    model = sparse_model(config.model, tokenizer, weights=config.token_weights).to(choose_device()).eval()
    return SparseEncoder(config.model, model, tokenizer, length, config.max_terms)
