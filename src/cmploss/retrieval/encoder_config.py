"""Options of retrievers."""

from dataclasses import dataclass
from typing import Literal, get_args

from cmploss.errors import UserError
from cmploss.model_config import DEFAULT_MODEL

TokenWeights = Literal["relu", "log", "l2"]


@dataclass(frozen=True)
class EncoderConfig:
    """Which retriever.

    Attributes:
        model: Hub id or folder: of sentence-transformers, or a plain transformers encoder.
        pooling: cls or mean, for a plain encoder; a sentence-transformers model has its own.
        max_length: Longest input in tokens; by default the model's own.
    """

    model: str = DEFAULT_MODEL
    pooling: str | None = None
    max_length: int | None = None


@dataclass(frozen=True)
class SparseEncoderConfig:
    """Which retriever of token weights.

    Attributes:
        model: Hub id or folder of an encoder, with a masked-language-model head or without.
        max_length: Longest input in tokens; by default the model's own.
        token_weights: relu, log (SPLADE) or l2; see :class:`cmploss.retrieval.SparseSettings`.
        max_terms: Largest number of weights that a document keeps; by default all.
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
            raise UserError(f"--max_terms must be >= 1, got {self.max_terms}")
