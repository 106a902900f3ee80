"""Options of retrievers."""

from dataclasses import dataclass
from typing import Literal

from cmploss.errors import UserError
from cmploss.model_config import DEFAULT_MODEL

Kind = Literal["dense", "sparse"]
TokenWeights = Literal["relu", "log", "l2"]
VectorType = Literal["float16", "float32"]


@dataclass(frozen=True)
class EncoderConfig:
    """Which retriever.

    Attributes:
        model: Hub id or folder, of sentence-transformers or a plain transformers encoder; for a sparse index a plain
            encoder, with a masked-language-model head or without.
        pooling: cls or mean, for a plain encoder; a sentence-transformers model has its own.
        max_length: Longest input in tokens; by default the model's own.
        kind: dense for vectors, sparse for token weights.
        token_weights: For a sparse index relu (the default), log as in SPLADE, or l2 for unit length.
        max_terms: For a sparse index, largest number of weights that a document keeps; by default all.
        query_prompt: Text before every query, such as "query: "; by default that of a sentence-transformers model.
        document_prompt: Text before every document, such as "passage: "; by default the model's own.
    """

    model: str = DEFAULT_MODEL
    pooling: str | None = None
    max_length: int | None = None
    kind: Kind = "dense"
    token_weights: TokenWeights | None = None
    max_terms: int | None = None
    query_prompt: str | None = None
    document_prompt: str | None = None

    def __post_init__(self) -> None:
        for name in (
            ("pooling", "query_prompt", "document_prompt") if self.kind == "sparse" else ("token_weights", "max_terms")
        ):
            if getattr(self, name) is not None:
                raise UserError(f"--{name} does not apply to --kind {self.kind}; leave it out")
        if self.max_terms is not None and self.max_terms < 1:
            raise UserError(f"--max_terms must be >= 1, got {self.max_terms}")
