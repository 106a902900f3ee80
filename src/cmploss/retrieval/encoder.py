"""Text encoders for retrieval: dense ones with their own pooling and prompts, and sparse ones with token weights."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from transformers import PreTrainedTokenizerBase

from cmploss.devices import choose_device
from cmploss.errors import UserError
from cmploss.model_files import model_files
from cmploss.models import check_own_head, load_tokenizer, longest_input
from cmploss.retrieval.encoder_config import EncoderConfig
from cmploss.retrieval.optional import extra
from cmploss.retrieval.vector_models import SparseModel, sparse_model

POOLINGS = ("cls", "mean")


@dataclass(frozen=True)
class Encoder:
    """Texts to vectors ``(len(texts), H)``, by a ``SentenceTransformer`` with its prompts for documents and queries."""

    name: str
    module: Any

    def documents(self, texts: Sequence[str], batch_size: int = 32) -> NDArray[np.float32]:
        return self._vectors(self.module.encode_document, texts, batch_size)

    def queries(self, texts: Sequence[str], batch_size: int = 32) -> NDArray[np.float32]:
        return self._vectors(self.module.encode_query, texts, batch_size)

    @property
    def width(self) -> int:
        return int(self.module.get_embedding_dimension())

    @property
    def settings(self) -> dict[str, Any]:
        """What determines the vectors: fingerprint of the weights, modules, pooling, longest input and prompts."""
        modules = list(self.module)
        pooling = next((module.pooling_mode for module in modules if hasattr(module, "pooling_mode")), None)
        return {
            "weights": weights_fingerprint(self.module),
            "modules": [type(module).__name__ for module in modules],
            "pooling": pooling if pooling is None or isinstance(pooling, str) else list(pooling),
            "max_length": self.module.max_seq_length,
            "prompts": dict(self.module.prompts),
        }

    def _vectors(self, encode: Any, texts: Sequence[str], batch_size: int) -> NDArray[np.float32]:
        return np.asarray(encode(list(texts), batch_size=batch_size, show_progress_bar=False), dtype=np.float32)


@dataclass(frozen=True)
class SparseEncoder:
    """Texts to token weights ``(len(texts), V)``; a document keeps its ``max_terms`` largest, a query all."""

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
        """What determines the weights: fingerprint of the model, its head, longest input, and their transformation."""
        return {
            "weights": weights_fingerprint(self.model),
            "head": self.model.settings.head,
            "max_length": self.max_length,
            "token_weights": self.model.settings.weights,
            "max_terms": self.max_terms,
        }


def load_encoder(config: EncoderConfig) -> Encoder | SparseEncoder:
    """Load a retriever in eval mode, on the accelerator if there is one."""
    if config.kind == "dense":
        module = _sentence_transformer(config)
        module.max_seq_length = _max_length(config, module.max_seq_length)
        prompts = {"query": config.query_prompt, "document": config.document_prompt}
        module.prompts.update((name, prompt) for name, prompt in prompts.items() if prompt is not None)
        return Encoder(config.model, module.eval())
    tokenizer = load_tokenizer(config.model)
    length = _max_length(config, min(longest_input(tokenizer), 512))
    model = sparse_model(config.model, tokenizer, weights=config.token_weights or "relu")
    return SparseEncoder(config.model, model.to(choose_device()).eval(), tokenizer, length, config.max_terms)


def _max_length(config: EncoderConfig, most: Any) -> Any:
    if config.max_length is None:
        return most
    if not 3 <= config.max_length <= most:
        raise UserError(f"--max_length {config.max_length} is out of range for {config.model}; choose 3 to {most}")
    return config.max_length


def _sentence_transformer(config: EncoderConfig) -> Any:
    library = extra("sentence_transformers")
    files = model_files(config.model)
    try:
        if not is_plain(config.model):
            if config.pooling:
                raise UserError(
                    f"--pooling: {config.model} is a sentence-transformers model with its own pooling; leave it out"
                )
            return library.SentenceTransformer(files, device=str(choose_device()))
        return _plain(library, files, config)
    except (OSError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"model {config.model} cannot be loaded: {reason}") from error


def is_plain(model: str) -> bool:
    """Whether a hub id or folder is a transformers encoder without its own pooling."""
    return not extra("sentence_transformers.util").is_sentence_transformer_model(model_files(model))


def weights_fingerprint(module: torch.nn.Module) -> str:
    """12 hexadecimal digits of SHA-256 over the names and bytes of a module's weights."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().reshape(-1).contiguous().view(torch.uint8).numpy().data)
    return digest.hexdigest()[:12]


def _plain(library: Any, files: str, config: EncoderConfig) -> Any:
    if config.pooling not in POOLINGS:
        given = f"--pooling {config.pooling!r} is unknown" if config.pooling else "--pooling is missing"
        raise UserError(f"{given}: {config.model} is a plain encoder; choose from {', '.join(POOLINGS)}")
    check_own_head(config.model)
    modules = extra("sentence_transformers.sentence_transformer.modules")
    transformer = modules.Transformer(files)
    pooling = modules.Pooling(transformer.get_embedding_dimension(), pooling_mode=config.pooling)
    return library.SentenceTransformer(modules=[transformer, pooling], device=str(choose_device()))
