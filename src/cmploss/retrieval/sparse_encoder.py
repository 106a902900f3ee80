"""A retriever of token weights: how much each word of the vocabulary counts for a text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from transformers import PreTrainedTokenizerBase

from cmploss.devices import choose_device
from cmploss.errors import UserError
from cmploss.model_config import DEFAULT_MODEL
from cmploss.models import load_tokenizer, longest_input
from cmploss.retrieval.encoder import weights_fingerprint
from cmploss.retrieval.initial_reformulator import sparse_reformulator
from cmploss.retrieval.reformulators import SparseReformulator, TokenWeights
from cmploss.retrieval.revisions import FeedbackConfig, FeedbackReader, revision_vectors


@dataclass(frozen=True)
class SparseEncoderConfig:
    """Which retriever of token weights.

    Attributes:
        model: Hub id or folder of an encoder, with a masked-language-model head or without.
        max_length: Longest input in tokens; by default the model's own.
        token_weights: relu, log (SPLADE) or l2; see :class:`cmploss.retrieval.SparseSettings`.
        max_terms: Most weights that a document keeps, the largest; by default all.
    """

    model: str = DEFAULT_MODEL
    max_length: int | None = None
    token_weights: TokenWeights = "relu"
    max_terms: int | None = None

    def __post_init__(self) -> None:
        if self.token_weights not in get_args(TokenWeights):
            choices = ", ".join(get_args(TokenWeights))
            raise UserError(f"--token_weights {self.token_weights!r} is unknown; choose from {choices}")
        if self.max_terms is not None and self.max_terms < 1:
            raise UserError(f"--max_terms {self.max_terms} is out of range; give a whole number from 1")


@dataclass(frozen=True)
class SparseEncoder:
    """Texts to token weights: a text is read as a reformulator reads a query without feedback.

    Attributes:
        name: Hub id or folder.
        model: Writes the weights; a reformulator is trained from it.
        reader: Texts to inputs, with the longest one.
        max_terms: Most weights that a document keeps.
    """

    name: str
    model: SparseReformulator
    reader: FeedbackReader
    max_terms: int | None = None

    def documents(self, texts: Sequence[str], batch_size: int = 32) -> sparse.csr_matrix[np.float32]:
        """Weights of documents ``(len(texts), V)``, of which each keeps its ``max_terms`` largest."""
        weights = self.queries(texts, batch_size)
        if self.max_terms is not None and self.max_terms < self.width:
            smaller = np.argpartition(weights, -self.max_terms, axis=1)[:, : -self.max_terms]
            np.put_along_axis(weights, smaller, 0, axis=1)
        return sparse.csr_matrix(weights)

    def queries(self, texts: Sequence[str], batch_size: int = 32) -> NDArray[np.float32]:
        """Weights of queries ``(len(texts), V)``, all of them."""
        revisions = [self.reader(text, []) for text in texts]
        return revision_vectors(self.model, self.reader.tokenizer, revisions, batch_size)

    @property
    def width(self) -> int:
        """V, the size of the vocabulary."""
        return int(self.model.config.vocab_size)

    @property
    def settings(self) -> dict[str, Any]:
        """What decides the weights: fingerprint of the model, its head, the longest input, what is done to them."""
        return {
            "weights": weights_fingerprint(self.model),
            "head": self.model.settings.head,
            "max_length": self.reader.config.input_length,
            "token_weights": self.model.settings.weights,
            "max_terms": self.max_terms,
        }


def load_sparse_encoder(config: SparseEncoderConfig) -> SparseEncoder:
    """Load a retriever of token weights in eval mode, on the accelerator if there is one.

    Raises:
        UserError: It cannot be loaded, or ``max_length`` is out of range.
    """
    tokenizer = load_tokenizer(config.model)
    model = sparse_reformulator(config.model, tokenizer, weights=config.token_weights)
    reader = FeedbackReader(tokenizer, _limits(config, tokenizer))
    return SparseEncoder(config.model, model.to(choose_device()).eval(), reader, config.max_terms)


def _limits(config: SparseEncoderConfig, tokenizer: PreTrainedTokenizerBase) -> FeedbackConfig:
    most = longest_input(tokenizer)
    length = most if config.max_length is None else config.max_length
    if not 3 <= length <= most:
        raise UserError(f"--max_length {length} is out of range for {config.model}; choose 3 to {most}")
    return FeedbackConfig(max_feedback=0, query_length=length, input_length=length)
