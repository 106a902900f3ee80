"""The folder of a cross-encoder, which ``sentence_transformers.CrossEncoder`` (version 6 or later) loads."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor
from transformers import AutoConfig, AutoModel
from transformers.utils.hub import cached_file

from cmploss.adapters import frozen_model, load_adapter, save_adapter
from cmploss.atomic import write_bytes, write_json
from cmploss.model_files import is_adapter
from cmploss.pooled.pooled_classifier import POOLING_MODES, PooledEncoderForSequenceClassification, PoolingMode

MODULES_FILE, CONFIG_FILE, WEIGHTS_FILE = "modules.json", "config.json", "model.safetensors"
POOLING_FOLDER, DENSE_FOLDER = "1_Pooling", "2_Dense"
OLD_MODES: Mapping[str, PoolingMode] = {"pooling_mode_cls_token": "cls", "pooling_mode_mean_tokens": "mean"}
IDENTITY = "torch.nn.modules.linear.Identity"
ROOM = "sentence_transformers"
MODULES = (
    ("", f"{ROOM}.base.modules.transformer.Transformer"),
    (POOLING_FOLDER, f"{ROOM}.sentence_transformer.modules.pooling.Pooling"),
    (DENSE_FOLDER, f"{ROOM}.base.modules.dense.Dense"),
)


def stated_pooling(name: str) -> PoolingMode | None:
    """The pooling of a sentence-transformers folder: ``cls`` or ``mean``; None for other pooling and other folders."""
    config = _module_config(name, "Pooling")
    if config is None:
        return None
    stated = config.get("pooling_mode", [key for key in config if key.startswith("pooling_mode_") and config[key]])
    modes = [stated] if isinstance(stated, str) else stated
    mode = OLD_MODES.get(modes[0], modes[0]) if len(modes) == 1 else None
    return mode if mode in POOLING_MODES else None


def is_cross_encoder(name: str) -> bool:
    """Whether a folder, or hub model, has a linear layer that turns pooled vectors into scores."""
    config = _module_config(name, "Dense")
    return config is not None and config.get("module_output_name") == "scores" and stated_pooling(name) is not None


def new_pooled(name: str, pooling: PoolingMode, **options: Any) -> PooledEncoderForSequenceClassification:
    """A pretrained encoder with pooling and a new linear layer; a cross-encoder's layer of the same size is kept.

    ``options`` go to the configuration: ``id2label``, ``num_labels``, ``problem_type`` …
    """
    model = _of_encoder(name, pooling, **options)
    model._init_weights(model.classifier)
    weights = _dense_weights(name) if is_cross_encoder(name) else {}
    if all(
        key in weights and weights[key].shape == value.shape for key, value in model.classifier.state_dict().items()
    ):
        model.classifier.load_state_dict(weights)
    return model


def load_pooled(name: str) -> PooledEncoderForSequenceClassification:
    """A classifier that :func:`save_pooled` wrote, or a checkpoint of the Trainer, in eval mode."""
    pooling = stated_pooling(name)
    if pooling is not None:
        model = _of_encoder(name, pooling)
        model.classifier.load_state_dict(_dense_weights(name))
        model.train(False)
        return model
    config = AutoConfig.from_pretrained(name)
    model = PooledEncoderForSequenceClassification(
        AutoModel.from_config(config, dtype=torch.float32), config.text_pooling
    )
    model.load_state_dict(safetensors.torch.load_file(_existing(name, WEIGHTS_FILE)))
    model.train(False)
    return model


def save_pooled(model: PooledEncoderForSequenceClassification, folder: Path) -> None:
    """Write a cross-encoder of sentence-transformers, without the files of its tokenizer.

    Of an encoder with LoRA, the adapter is written.
    Its activation is the identity: ``predict`` returns logits, or probabilities with ``apply_softmax=True``; for
    regression it returns the number.
    """
    linear = model.classifier
    if hasattr(model.encoder, "get_base_model"):
        save_adapter(model.encoder, folder)
    else:
        model.encoder.save_pretrained(folder)
    modules = [{"idx": at, "name": str(at), "path": path, "type": kind} for at, (path, kind) in enumerate(MODULES)]
    model_settings: dict[str, Any] = {"activation_fn": IDENTITY, "prompts": {}, "default_prompt_name": None}
    reading = {"text": {"method": "forward", "method_output_name": "last_hidden_state"}}
    transformer = {"transformer_task": "feature-extraction", "modality_config": reading}
    pooling = {"embedding_dimension": linear.in_features, "pooling_mode": model.pooling.mode, "include_prompt": True}
    dense = {
        "in_features": linear.in_features,
        "out_features": linear.out_features,
        "bias": True,
        "activation_function": IDENTITY,
        "module_input_name": "sentence_embedding",
        "module_output_name": "scores",
    }
    files: dict[str, Any] = {
        MODULES_FILE: modules,
        "config_sentence_transformers.json": {"model_type": "CrossEncoder", **model_settings},
        "sentence_bert_config.json": {**transformer, "module_output_name": "token_embeddings"},
        f"{POOLING_FOLDER}/{CONFIG_FILE}": pooling,
        f"{DENSE_FOLDER}/{CONFIG_FILE}": dense,
    }
    for name, content in files.items():
        write_json(folder / name, content)
    weights = {f"linear.{name}": value.contiguous().cpu() for name, value in linear.state_dict().items()}
    write_bytes(folder / DENSE_FOLDER / WEIGHTS_FILE, safetensors.torch.save(weights))


def _of_encoder(name: str, pooling: PoolingMode, **options: Any) -> PooledEncoderForSequenceClassification:
    if is_adapter(name):
        model = PooledEncoderForSequenceClassification(frozen_model(name, AutoModel), pooling)
        model.encoder = load_adapter(model.encoder, name)  # now: a model that is made initialises what is in it
        return model
    encoder = AutoModel.from_pretrained(name, dtype=torch.float32, **options)
    return PooledEncoderForSequenceClassification(encoder, pooling)


def _module_config(name: str, kind: str) -> dict[str, Any] | None:
    """The configuration of the first module of a kind."""
    path = _module_path(name, kind)
    file = None if path is None else _file(name, f"{path}/{CONFIG_FILE}")
    return None if file is None else json.loads(Path(file).read_text(encoding="utf-8"))


def _module_path(name: str, kind: str) -> str | None:
    file = _file(name, MODULES_FILE)
    modules: Sequence[Mapping[str, Any]] = json.loads(Path(file).read_text(encoding="utf-8")) if file else ()
    return next((str(module["path"]) for module in modules if str(module["type"]).endswith(f".{kind}")), None)


def _dense_weights(name: str) -> dict[str, Tensor]:
    file = _existing(name, f"{_module_path(name, 'Dense')}/{WEIGHTS_FILE}")
    return {key.removeprefix("linear."): value for key, value in safetensors.torch.load_file(file).items()}


def _existing(name: str, path: str) -> str:
    file = _file(name, path)
    if file is None:
        raise ValueError(f"{name}: {path} is missing")
    return file


def _file(name: str, path: str) -> str | None:
    """A file of a folder or of a hub model; None if there is none."""
    if Path(name).is_dir():
        return str(Path(name) / path) if (Path(name) / path).is_file() else None
    found: str | None = cached_file(
        name, path, _raise_exceptions_for_missing_entries=False, _raise_exceptions_for_connection_errors=False
    )
    return found
