"""Tiny retrievers of every form that a reformulator can start from, and their indexes."""

from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Normalize
from sentence_transformers.sentence_transformer.modules import LayerNorm, Pooling, Transformer

from cmploss.retrieval import EncoderConfig, Texts, load_encoder
from cmploss.retrieval.encoder import Encoder
from cmploss.retrieval.index import DenseIndex
from tests.local_model import save_encoder


def save_retriever(folder: Path, *, pooling: str = "mean", later: tuple[str, ...] = ("Normalize",), **config) -> str:
    """Write a retriever: the encoder of the other tests, pooling, and modules of these names; returns the folder."""
    encoder = save_encoder(folder / "encoder", **config)
    torch.manual_seed(1)
    modules = {
        "Dense": lambda: Dense(16, 16, activation_function=torch.nn.Identity()),
        "Tanh": lambda: Dense(16, 16),
        "LayerNorm": lambda: LayerNorm(16),
        "Normalize": Normalize,
    }
    parts = [Transformer(encoder), Pooling(16, pooling_mode=pooling), *(modules[name]() for name in later)]
    for part in parts[2:]:
        for weight in part.parameters():
            torch.nn.init.normal_(weight)
    SentenceTransformer(modules=parts).save(str(folder / "retriever"))
    return str(folder / "retriever")


def retriever_of(folder: Path, **options) -> Encoder:
    return load_encoder(EncoderConfig(save_retriever(folder, **options)))


def index_of(encoder: Encoder, documents: Texts) -> DenseIndex:
    vectors = encoder.documents(documents.texts).astype(np.float16)
    return DenseIndex(vectors, documents.ids, encoder.name, encoder.settings)
