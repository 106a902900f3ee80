"""A tiny BERT with random weights and a tokenizer, saved in a folder, and labelled texts that it can read."""

import json
import random
from pathlib import Path
from typing import Any

from transformers import BertTokenizer

from tests.tiny import ARCHITECTURES, model_of

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
BAD = ("broken", "dead", "slow", "noisy")
GOOD = ("lovely", "quick", "quiet", "bright")
NEUTRAL = ("the", "lamp", "is", "and", "so", "very", "my", "new", "door", "hub")
WORDS = (*SPECIAL, *BAD, *GOOD, *NEUTRAL)
NO_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}


def save_encoder(folder: Path, **config: Any) -> str:
    """Write an encoder without a head, which tells good words from bad ones, and its tokenizer; returns the folder."""
    model = model_of("Bert", vocab_size=len(WORDS), initializer_range=0.3, **config)
    words = model.bert.embeddings.word_embeddings.weight.data
    for sign, telling in ((1, GOOD), (-1, BAD)):
        words[[WORDS.index(word) for word in telling]] = sign * 4 * words[-1].sign()
    model.bert.save_pretrained(folder)
    tokenizer = BertTokenizer(vocab={word: index for index, word in enumerate(WORDS)})
    tokenizer.model_max_length = ARCHITECTURES["Bert"]["max_position_embeddings"]
    tokenizer.save_pretrained(folder)
    return str(folder)


def state_pooling(folder: str, mode: str) -> str:
    """Make the folder that of a sentence-transformers model that pools so; returns it."""
    room = "sentence_transformers.models"
    modules = [{"path": "", "type": f"{room}.Transformer"}, {"path": "1_Pooling", "type": f"{room}.Pooling"}]
    (Path(folder) / "1_Pooling").mkdir()
    (Path(folder) / "1_Pooling" / "config.json").write_text(json.dumps({f"pooling_mode_{mode}_tokens": True}))
    (Path(folder) / "modules.json").write_text(json.dumps(modules))
    return folder


def reviews(size: int, *, seed: int = 0) -> list[dict[str, str]]:
    """Texts of 1 to 8 words, half of them labelled bad and half good, each with words that tell which."""
    draw = random.Random(seed)
    rows = []
    for index in range(size):
        label, telling = ("bad", BAD) if index % 2 else ("good", GOOD)
        words = [draw.choice(NEUTRAL) for _ in range(draw.randrange(8))]
        words.insert(draw.randrange(len(words) + 1), draw.choice(telling))
        rows.append({"text": " ".join(words), "label": label})
    return rows


def csv_of(rows: list[dict[str, Any]]) -> str:
    """Rows without commas or quotes as CSV."""
    lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    return "\n".join(lines) + "\n"
