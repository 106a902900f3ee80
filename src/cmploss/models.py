"""Loading models with their heads, and saving them as plain transformers checkpoints.

Trained models are loaded onto the device of :func:`cmploss.devices.choose_device`. New models are made on the CPU, so
that their initial weights are the same on every machine; the Trainer moves them.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import transformers
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForMultipleChoice,
    AutoModelForQuestionAnswering,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
    PreTrainedTokenizerBase,
)
from transformers.tokenization_utils_base import LARGE_INTEGER
from transformers.utils import logging

from cmploss.ablation.exit_heads import read_exit_heads, weights_without_exit_heads, write_exit_heads
from cmploss.adapters import adapted_model, save_adapter, with_lora
from cmploss.atomic import write_text
from cmploss.devices import choose_device
from cmploss.errors import UserError
from cmploss.finite import check_weights
from cmploss.model_config import HeadInit, Lora, Pooling
from cmploss.model_files import config_of, generative_head, is_adapter, let_others_read, model_files, plain_errors
from cmploss.model_fit import check_used, positions_of, sort_rows
from cmploss.pooled.cross_encoder_files import is_cross_encoder, load_pooled, new_pooled, save_pooled, stated_pooling
from cmploss.pooled.pooled_classifier import PooledEncoderForSequenceClassification

HEADS: Mapping[str, tuple[Any, str]] = {
    "SequenceClassification": (AutoModelForSequenceClassification, "classification"),
    "QuestionAnswering": (AutoModelForQuestionAnswering, "question answering"),
    "TokenClassification": (AutoModelForTokenClassification, "token classification"),
    "MultipleChoice": (AutoModelForMultipleChoice, "multiple choice"),
    "CausalLM": (AutoModelForCausalLM, "causal language model"),
    "Seq2SeqLM": (AutoModelForSeq2SeqLM, "sequence-to-sequence"),
}
"""End of a model's class name → the class that loads it, and what it does."""
Device = str | torch.device | None


def load_tokenizer(name: str, **options: Any) -> PreTrainedTokenizerBase:
    with plain_errors(name):
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(model_files(name), **options)
        longest = tokenizer.model_max_length
        if isinstance(longest, bool) or not isinstance(longest, (int, float)) or longest < 1:
            raise ValueError(f"model_max_length of its tokenizer is {longest!r}; write a number of tokens")
        with suppress(OSError, ValueError):  # a tokenizer may lie in a folder of its own
            tokenizer.model_max_length = min(longest, positions_of(config_of(name)))
    if tokenizer.pad_token is None:  # GPT-2, Llama, Mistral; the attention mask hides it
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def longest_input(tokenizer: PreTrainedTokenizerBase) -> int:
    """The input length that is saved with a model, which is the training length; 512 if none is saved."""
    limit = int(tokenizer.model_max_length)
    return limit if limit < LARGE_INTEGER else 512


def pooling_of(name: str, pooling: Pooling = "auto") -> Pooling:
    """The pooling of a new classifier; ``auto`` is the pooling that the model's folder states, else ``head``."""
    if pooling == "head":
        return pooling
    with plain_errors(name):
        stated = stated_pooling(model_files(name))
        if pooling == "auto" and stated is None:
            return "head"
        decodes = config_of(name).is_encoder_decoder
    if not decodes:
        return stated if pooling == "auto" and stated else pooling
    if pooling == "auto":
        return "head"
    raise UserError(f"--pooling {pooling} needs an encoder, but {name} is an encoder-decoder; give --pooling head")


def head_init_of(name: str, head_init: HeadInit, pooling: Pooling) -> HeadInit:
    """The initialisation of a new classifier's last layer; ``auto`` is ``probe`` if the model states this pooling.

    A model that has a classification layer keeps it.
    """
    if head_init != "auto":
        return head_init
    with plain_errors(name):
        files = model_files(name)
        return "probe" if stated_pooling(files) == pooling and not is_cross_encoder(files) else "random"


def default_learning_rate(name: str) -> float:
    """1e-4 for encoders of at most 512 hidden units, else 5e-5, the default of transformers.

    Measured for the default encoder with 64 to 100 training examples: see docs/commands.md.
    """
    return 1e-4 if getattr(config_of(name), "hidden_size", math.inf) <= 512 else 5e-5


def new_classifier(name: str, label_names: Sequence[str], *, seed: int, pooling: Pooling = "head") -> Any:
    """:func:`new_model` for classification or regression of texts, with the pooling of a sentence encoder."""
    options: dict[str, Any] = {"num_labels": 1, "problem_type": "regression"}
    if label_names:
        id2label = dict(enumerate(label_names))
        label2id = {label: index for index, label in id2label.items()}
        options = {"id2label": id2label, "label2id": label2id, "problem_type": "single_label_classification"}
    mode = pooling_of(name, pooling)
    if PooledEncoderForSequenceClassification.__name__ in _head(name):
        raise UserError(f"model {name} is a checkpoint of the Trainer; give the folder of a finished run")
    if mode == "cls" or mode == "mean":
        transformers.set_seed(seed)
        with plain_errors(name), _quiet(), _all_weights(name) as files:
            model = new_pooled(files, mode, **options).train()
            check_weights(model, f"model {name}")
        sort_rows(model, config_of(name).id2label or {}, label_names)
        return model
    return new_model(name, "SequenceClassification", seed=seed, **options)


def new_model(name: str, head: str, *, seed: int, **config: Any) -> Any:
    """A pretrained encoder with a new head of :data:`HEADS`, whose initial weights depend only on the seed.

    A checkpoint that already has a head of this size keeps it, with its rows in the order of the names in ``id2label``.
    """
    transformers.set_seed(seed)
    with _all_weights(name) as files:
        model = _load(files, HEADS[head][0], ignore_mismatched_sizes=True, **config)
    if model.config.pad_token_id is None:  # a head that reads the last token looks for padding
        model.config.pad_token_id = load_tokenizer(name).pad_token_id
    sort_rows(model, config_of(name).id2label or {}, list(config.get("id2label", {}).values()))
    return model


def add_lora(model: Any, lora: Lora, name: str) -> Any:
    """A model for training LoRA: an adapter of the model, or of the encoder of one that pools.

    Args:
        model: A new model.
        lora: The settings.
        name: What it was loaded from.
    """
    if is_adapter(name):
        raise UserError(f"--lora: model {name} is an adapter itself, and no folder has both; leave --lora out")
    base = str(Path(name).resolve()) if Path(name).is_dir() else name
    if isinstance(model, PooledEncoderForSequenceClassification):
        model.encoder = with_lora(model.encoder, model.encoder, lora, base)
        return model
    return with_lora(model, model.base_model, lora, base)


def load_model(name: str, head: str, device: Device = None) -> Any:
    """A fine-tuned model with a head of :data:`HEADS`, as it was saved."""
    kind, words = HEADS[head]
    if f"For{head}" not in _head(name) and head != generative_head(name):
        raise UserError(f"model {name} has no trained {words} head; give a folder that cmploss train wrote")
    return read_exit_heads(_load(name, kind), model_files(name)).to(choose_device(device))


def row_task_of(name: str) -> str | None:
    """The task of ``ROW_TASKS`` that a fine-tuned model is for."""
    heads = {"TokenClassification": "tags", "MultipleChoice": "multiple_choice"}
    config = config_of(name)
    if getattr(config, "problem_type", None) == "multi_label_classification":
        heads["SequenceClassification"] = "rerank" if config.num_labels == 1 else "multi_label"
    return next((task for head, task in heads.items() if f"For{head}" in _head(name)), None)


def load_classifier(name: str) -> Any:
    """A fine-tuned classifier as it was saved: a transformers checkpoint, or a cross-encoder folder."""
    with plain_errors(name):
        pools = is_cross_encoder(model_files(name))
    if pools or PooledEncoderForSequenceClassification.__name__ in _head(name):
        with plain_errors(name), _quiet():
            model: Any = read_exit_heads(load_pooled(model_files(name)), model_files(name))
            check_weights(model, f"model {name}")
        return model.to(choose_device())
    return load_model(name, "SequenceClassification")


def label_names(model: Any) -> tuple[str, ...]:
    """A classifier's label names by id; () for a regression model."""
    config = model.config
    return () if config.num_labels == 1 else tuple(config.id2label[index] for index in range(config.num_labels))


def load_seq2seq(name: str) -> Any:
    return _load(name, AutoModelForSeq2SeqLM).to(choose_device())


def check_own_head(name: str) -> None:
    """Refuse a checkpoint for vectors whose own layers, such as ANCE's, would be left out."""
    _load(name, AutoModel, whole=True)


def load_encoder_with_head(name: str) -> tuple[Any, bool]:
    """A pretrained encoder, with its masked-language-model head if it has one, and whether it has one."""
    found = _head(name)
    # ELECTRA's pretraining head detects replaced tokens; it does not predict tokens.
    has_head = "ForMaskedLM" in found or ("ForPreTraining" in found and "Electra" not in found)
    return _load(name, AutoModelForMaskedLM if has_head else AutoModel, whole=True).to(choose_device()), has_head


def save_model(model: Any, tokenizer: PreTrainedTokenizerBase, folder: Path, card: str) -> None:
    """Write a model, its tokenizer and its model card.

    A classifier that pools is written as a cross-encoder of sentence-transformers, any other model as a plain
    transformers checkpoint; of a model with LoRA, the adapter is written. Weights are in safetensors.
    """
    if isinstance(model, PooledEncoderForSequenceClassification):
        save_pooled(model, folder)
    elif hasattr(model, "get_base_model"):
        save_adapter(model, folder)
    else:
        model.save_pretrained(folder, state_dict=weights_without_exit_heads(model))
    write_exit_heads(model, folder)
    let_others_read(folder)
    tokenizer.save_pretrained(folder)
    write_text(folder / "README.md", card)


def dtype_of(model: Any) -> str:
    return str(next(model.parameters()).dtype).removeprefix("torch.")


def attention_of(model: Any) -> str | None:
    """The attention that transformers chose for a model, such as "sdpa"; each rounds differently."""
    return getattr(getattr(model, "config", None), "_attn_implementation", None)


def size_in_words(model: torch.nn.Module) -> str:
    return _millions(model.parameters())


def trained_in_words(model: torch.nn.Module) -> str:
    return _millions(parameter for parameter in model.parameters() if parameter.requires_grad)


def _millions(parameters: Iterable[torch.Tensor]) -> str:
    return f"{sum(parameter.numel() for parameter in parameters) / 1e6:.1f} M"


def _head(name: str) -> str:
    with plain_errors(name):
        return " ".join(config_of(name).architectures or ())


def _load(name: str, kind: Any, *, whole: bool = False, **options: Any) -> Any:
    with plain_errors(name), _quiet():
        files = model_files(name)
        if is_adapter(files):
            model, found = adapted_model(files, kind), {"unexpected_keys": ()}
        else:
            # By default transformers trains in the data type of the checkpoint; small updates vanish in bfloat16.
            model, found = kind.from_pretrained(files, dtype=torch.float32, output_loading_info=True, **options)
        check_weights(model, f"model {name}")
    if whole:
        check_used(found["unexpected_keys"], f"model {name}")
    return model


@contextmanager
def _all_weights(name: str) -> Iterator[str]:
    """A model's files; of an adapter, a temporary folder with the weights that it makes of the frozen ones."""
    files = model_files(name)
    if not is_adapter(files):
        yield files
        return
    with TemporaryDirectory() as folder:
        if is_cross_encoder(files):
            model: Any = load_pooled(files)
            model.encoder = model.encoder.merge_and_unload()
            save_pooled(model, Path(folder))
        else:
            kind = getattr(transformers, config_of(name).architectures[0])
            adapted_model(files, kind).merge_and_unload().save_pretrained(folder)
        yield folder


@contextmanager
def _quiet() -> Iterator[None]:
    # A new head is intended; transformers' report of newly initialised weights would look like an error.
    found = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(found[0])
        if found[1]:
            logging.enable_progress_bar()
