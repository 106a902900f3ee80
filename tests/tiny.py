"""Tiny random models of every supported kind, and batches for their heads."""

from typing import Any

import torch
import transformers
from torch import Tensor
from torch.nn import functional as F

from cmploss.pooled.pooled_classifier import PooledEncoderForSequenceClassification

VOCABULARY = 64
SHAPE = {
    "vocab_size": VOCABULARY,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 40,
    "pad_token_id": 0,
}
NO_OWN_DROPOUT = ("ModernBert", "Qwen3")
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "Bert": SHAPE,
    "Roberta": SHAPE,
    "Electra": SHAPE | {"embedding_size": 16},
    "DebertaV2": SHAPE | {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "pooler_hidden_size": 16},
    "DistilBert": {
        "vocab_size": VOCABULARY,
        "dim": 16,
        "hidden_dim": 24,
        "n_layers": 2,
        "n_heads": 2,
        "max_position_embeddings": 40,
    },
    "Albert": SHAPE | {"embedding_size": 16},
    "Longformer": SHAPE | {"attention_window": 4},
    "ModernBert": SHAPE
    | {"global_attn_every_n_layers": 2, "local_attention": 4, "cls_token_id": 1, "sep_token_id": 2, "bos_token_id": 1}
    | {"eos_token_id": 2},
    "Qwen3": SHAPE | {"num_key_value_heads": 2, "head_dim": 8},
}
HEADS = {
    "single_label": ("SequenceClassification", {"num_labels": 3}),
    "multi_label": ("SequenceClassification", {"num_labels": 3}),
    "regression": ("SequenceClassification", {"num_labels": 1}),
    "rerank": ("SequenceClassification", {"num_labels": 1, "problem_type": "multi_label_classification"}),
    "tokens": ("TokenClassification", {"num_labels": 3}),
    "choice": ("MultipleChoice", {}),
    "span": ("QuestionAnswering", {}),
}
PROBLEMS = {
    "single_label": "single_label_classification",
    "multi_label": "multi_label_classification",
    "regression": "regression",
    "rerank": "multi_label_classification",
}


def model_of(
    architecture: str = "Bert",
    head: str = "single_label",
    *,
    seed: int = 0,
    attention: str | None = None,
    **config: Any,
) -> Any:
    name, options = HEADS[head]
    settings = {**ARCHITECTURES[architecture], **options, **config}
    torch.manual_seed(seed)
    configuration = getattr(transformers, f"{architecture}Config")(**settings)
    if attention:
        configuration._attn_implementation = attention
    return getattr(transformers, f"{architecture}For{name}")(configuration).train()


def pooled_of(architecture: str = "Bert", head: str = "single_label", *, pooling: Any = "mean", **config: Any) -> Any:
    """The same encoder, with pooling and a linear layer in place of its own head."""
    config.setdefault("problem_type", PROBLEMS[head])
    model = PooledEncoderForSequenceClassification(model_of(architecture, head, **config).base_model, pooling)
    model._init_weights(model.classifier)
    return model.train()


def batch_of(head: str = "single_label", *, size: int = 4, length: int = 12, seed: int = 0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)

    def integers(high: int, *shape: int) -> Tensor:
        return torch.randint(0, high, shape, generator=generator)

    text = (size, 3, length) if head == "choice" else (size, length)
    batch = {"input_ids": integers(VOCABULARY - 4, *text) + 4, "attention_mask": torch.ones(text, dtype=torch.long)}
    lengths = integers(length // 2, size) + length // 2 + 1
    for row, end in enumerate(lengths.tolist()):
        batch["attention_mask"][row, ..., end:] = 0
        batch["input_ids"][row, ..., end:] = 0
    labels = {
        "single_label": lambda: {"labels": integers(3, size)},
        "multi_label": lambda: {"labels": integers(2, size, 3).float()},
        "regression": lambda: {"labels": torch.rand(size, generator=generator)},
        "rerank": lambda: {"labels": integers(2, size, 1).float()},
        "tokens": lambda: {"labels": integers(4, size, length) - 1},
        "choice": lambda: {"labels": integers(3, size)},
        "span": lambda: {f"{end}_positions": integers(length, size) % lengths for end in ("start", "end")},
    }[head]()
    if head == "tokens":
        labels["labels"][labels["labels"] < 0] = -100
    return batch | labels


def batch_of_views(*lengths: int, size: int = 4, lost: tuple[int, ...] = (), seed: int = 0) -> dict[str, Any]:
    """Views of one batch for a span head, each with its own text and labels; ``lost`` rows are not comparable."""
    views = [batch_of("span", size=size, length=n, seed=seed + number) for number, n in enumerate(lengths)]
    return {"views": views, "valid": torch.tensor([row not in lost for row in range(size)])}


def span_losses_by_row(outputs: Any, batch: dict[str, Tensor]) -> Tensor:
    """Start and end losses ``(2, batch)``, each over the tokens of its row alone."""
    losses = []
    for end in ("start", "end"):
        for logits, mask, position in zip(
            outputs[f"{end}_logits"], batch["attention_mask"], batch[f"{end}_positions"].tolist(), strict=True
        ):
            tokens = mask.nonzero().flatten().tolist()
            losses.append(F.cross_entropy(logits[tokens], torch.tensor(tokens.index(position))))
    return torch.stack(losses).view(2, -1)


def inputs_of(head: str = "single_label", **options: Any) -> dict[str, Tensor]:
    return {
        name: value for name, value in batch_of(head, **options).items() if "label" not in name and "pos" not in name
    }
