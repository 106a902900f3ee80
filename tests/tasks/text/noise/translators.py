"""Tiny random translation models on disk."""

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

SPECIAL = ["<pad>", "</s>", "<unk>", "<s>"]
ENGLISH = ["the", "lamp", "is", "bright", "and", "quiet", "door", "new"]
GERMAN = ["die", "lampe", "ist", "hell", "und", "leise", "tür", "neu"]
LONGEST = 24
SHAPE = {"layers": 1, "attention_heads": 2, "ffn_dim": 24}


def tokenizer_of(**limit: int) -> PreTrainedTokenizerFast:
    words = [*SPECIAL, *ENGLISH, *GERMAN]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        bos_token="<s>",
        **limit,
    )


def save_translator(folder: Path, writes: list[str], *, kind: str = "bart", seed: int = 0, **generation: Any) -> str:
    """A random model that writes nothing but certain words; returns its folder. T5 has no limit of length."""
    tokenizer = tokenizer_of() if kind == "t5" else tokenizer_of(model_max_length=LONGEST)
    torch.manual_seed(seed)
    ids = {"pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0, "vocab_size": len(tokenizer)}
    model: Any
    if kind == "t5":
        shape = {"d_model": 16, "d_kv": 8, "d_ff": 24, "num_layers": 1, "num_heads": 2, "initializer_factor": 0.1}
        model = T5ForConditionalGeneration(T5Config(**shape, **ids))
    else:
        sides = {f"{side}_{name}": value for side in ("encoder", "decoder") for name, value in SHAPE.items()}
        config = BartConfig(
            d_model=16, max_position_embeddings=LONGEST, bos_token_id=3, forced_eos_token_id=None, **sides, **ids
        )
        model = BartForConditionalGeneration(config)
    silent = set(tokenizer.get_vocab()) - set(writes) - {"</s>"}
    model.generation_config.suppress_tokens = [tokenizer.convert_tokens_to_ids(word) for word in sorted(silent)]
    for name, value in generation.items():
        setattr(model.generation_config, name, value)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)
