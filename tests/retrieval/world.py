"""Retrievers with random weights on disk, and a small collection of texts that they can read."""

from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from transformers import AutoModel, BertForMaskedLM

from cmploss.retrieval import Texts
from tests.local_model import BAD, GOOD, NEUTRAL, save_encoder

WORDS = (*BAD, *GOOD, *NEUTRAL)


def save_retriever(folder: Path, *, pooling: str = "mean", normalised: bool = True) -> str:
    """Write a sentence-transformers folder around a tiny encoder; returns the folder."""
    transformer = Transformer(save_encoder(folder / "plain"))
    modules = [transformer, Pooling(transformer.get_embedding_dimension(), pooling_mode=pooling)]
    SentenceTransformer(modules=[*modules, Normalize()] if normalised else modules, device="cpu").save(
        str(folder / "retriever"), create_model_card=False
    )
    return str(folder / "retriever")


def save_masked_lm(folder: Path) -> str:
    """Write a masked language model of the tiny encoder's shape, and its tokenizer; returns the folder."""
    config = AutoModel.from_pretrained(save_encoder(folder)).config
    torch.manual_seed(2)
    BertForMaskedLM(config).save_pretrained(folder)
    return str(folder)


def documents_of(size: int, *, seed: int = 0) -> Texts:
    """Texts of 1 to 12 words, ids d0, d1 …"""
    draw = np.random.default_rng(seed)
    texts = [" ".join(draw.choice(WORDS, size=draw.integers(1, 13))) for _ in range(size)]
    return Texts("documents", [f"d{row}" for row in range(size)], texts)
