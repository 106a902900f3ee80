"""Checkpoints for question answering with random weights."""

import copy
from pathlib import Path

from cmploss.tasks.qa.reader_config import ReaderConfig
from tests.tasks.qa.tokenizers import ALL
from tests.tiny import model_of

MODELS = {"wordpiece": "Bert", "byte_level": "Roberta", "bare": "Qwen3"}


def save_reader(folder: Path, kind: str = "wordpiece", config: ReaderConfig | None = None, *, limit: int = 128) -> Path:
    """Write a model that reads at most ``limit`` tokens, its tokenizer, and how it reads if that is given."""
    tokenizer = copy.deepcopy(ALL[kind]())
    tokenizer.model_max_length = limit
    pad = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    options = {"vocab_size": len(tokenizer), "max_position_embeddings": limit + 2, "pad_token_id": pad}
    model = model_of(MODELS[kind], "span", initializer_range=0.5, **options)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    if config is not None:
        config.save(folder)
    return folder
