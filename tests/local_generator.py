"""Tiny language models with random weights that generate, with a tokenizer of words, saved in a folder."""

from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from tests.local_model import BAD, GOOD, NEUTRAL

WORDS = ("<pad>", "<unk>", "<end>", "<user>", *BAD, *GOOD, *NEUTRAL, "Question", "Answer", ":")
CHAT = "{% for message in messages %}<user> {{ message['content'] }}{% endfor %}{{ '\\n' }}"
IDS = {"vocab_size": len(WORDS), "pad_token_id": 0, "eos_token_id": 2, "bos_token_id": None}
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "gpt2": ("GPT2LMHead", {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 128}),
    "t5": ("T5ForConditionalGeneration", {"d_model": 32, "d_kv": 16, "d_ff": 48, "num_layers": 2, "num_heads": 2}),
    "qwen": (
        "Qwen3ForCausalLM",
        {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48, "head_dim": 16}
        | {"num_key_value_heads": 2, "max_position_embeddings": 128},
    ),
}


def tokenizer_of(*, ends: bool = False, chat: bool = False) -> PreTrainedTokenizerFast:
    """A tokenizer of words; ``ends`` puts the end token after each text, as that of T5 does."""
    plain = Tokenizer(models.WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token="<unk>"))
    plain.pre_tokenizer = pre_tokenizers.Whitespace()
    if ends:
        plain.post_processor = processors.TemplateProcessing(single="$A <end>", special_tokens=[("<end>", 2)])
    special = {"pad_token": "<pad>", "unk_token": "<unk>", "eos_token": "<end>"}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=plain, model_max_length=128, **special)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<user>"]})
    tokenizer.chat_template = CHAT if chat else None
    return tokenizer


def save_generator(folder: Path, kind: str = "gpt2", *, chat: bool = False, **config: Any) -> str:
    """Write a model and its tokenizer; returns the folder."""
    name, shape = MODELS[kind]
    torch.manual_seed(0)
    prefix = name.split("LMHead")[0].split("For")[0]
    options = {**IDS, **shape, **config} | ({"decoder_start_token_id": 0} if kind == "t5" else {})
    model_class = getattr(transformers, name + "Model" if name.endswith("Head") else name)
    model_class(getattr(transformers, f"{prefix}Config")(**options)).save_pretrained(folder)
    tokenizer_of(ends=kind == "t5", chat=chat).save_pretrained(folder)
    return str(folder)
