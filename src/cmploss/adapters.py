"""LoRA by peft (extra ``peft``): small trained matrices next to frozen layers, and the folders that hold them.

A folder has ``adapter_config.json``, which names the model with the frozen weights, ``adapter_model.safetensors``, and
``model_config/`` with the configuration of the whole model. Next to the adapter, transformers would take that for the
sign of a folder with all weights.
"""

import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig
from transformers.pytorch_utils import Conv1D

from cmploss.errors import UserError
from cmploss.model_config import Lora, check_peft
from cmploss.model_files import ADAPTER_FILE, CONFIG_FOLDER, config_files, model_files


def base_of(files: str) -> str:
    """The model with the frozen weights of an adapter."""
    config = json.loads((Path(files) / ADAPTER_FILE).read_text(encoding="utf-8"))
    return "@".join(filter(None, [config["base_model_name_or_path"], config.get("revision")]))


def with_lora(model: Any, encoder: nn.Module, lora: Lora, base: str) -> Any:
    """The model with matrices next to linear layers of its encoder; they and what is outside the encoder are trained.

    So is the encoder's pooler, for which many checkpoints have no weights. The head of a language model has the weights
    of its checkpoint, often those of its embeddings too, and stays as it is.

    Args:
        model: A transformers model, or the encoder itself.
        encoder: Its part without the head.
        lora: The settings.
        base: Name of the model with the frozen weights; a folder, or a hub id[@revision].

    Raises:
        UserError: A name in ``target_modules`` is none of a linear layer of the encoder.
    """
    from peft import LoraConfig, get_peft_model

    head = model.get_output_embeddings() if model.can_generate() else None
    inside = set(encoder.modules()) if head is None else set(model.modules())
    saved = [name for name, each in model.named_modules() if _has_weights(each) and each not in inside]
    saved += [name for name, each in model.named_modules() if _has_weights(each) and _trained_pooler(name, each)]
    linear = {
        name: each
        for name, each in encoder.named_modules()
        if isinstance(each, nn.Linear | Conv1D) and each is not head and "pooler" not in name.split(".")
    }
    chosen = _chosen(list(linear), lora.target_modules)
    config = LoraConfig(
        r=lora.r,
        lora_alpha=lora.scale,
        lora_dropout=lora.dropout,
        target_modules=chosen,
        fan_in_fan_out=any(isinstance(linear[name], Conv1D) for name in chosen),
        modules_to_save=saved or None,
    )
    with _quiet():
        adapted = get_peft_model(model, config)
    hub_id, _, revision = base.partition("@")
    model.name_or_path, config.revision = hub_id, revision or None
    return adapted


def adapted_model(files: str, kind: Any) -> Any:
    """The model in a folder with an adapter, in eval mode; ``kind`` is the class that loads the frozen weights."""
    return load_adapter(frozen_model(files, kind), files)


def frozen_model(files: str, kind: Any) -> Any:
    """The frozen weights of an adapter, with the configuration of the whole model."""
    config = AutoConfig.from_pretrained(config_files(files))
    return kind.from_pretrained(model_files(base_of(files)), config=config, dtype=torch.float32)


def load_adapter(model: Any, files: str) -> Any:
    check_peft(f"model {files} is an adapter, which")
    from peft import PeftModel

    with _quiet():
        return PeftModel.from_pretrained(model, files)


def save_adapter(adapted: Any, folder: Path) -> None:
    """Write an adapter and the configuration of the whole model."""
    model = adapted.get_base_model()
    # Until now it is a folder: at each checkpoint, peft looks for the files of that name.
    adapted.peft_config["default"].base_model_name_or_path = model.name_or_path
    adapted.save_pretrained(folder, save_embedding_layers=False)
    model.config.architectures = [type(model).__name__]
    model.config.save_pretrained(folder / CONFIG_FOLDER)


def _has_weights(module: nn.Module) -> bool:
    return next(module.parameters(recurse=False), None) is not None


def _trained_pooler(name: str, module: nn.Module) -> bool:
    return "pooler" in name.split(".") and all(each.requires_grad for each in module.parameters())


def _chosen(layers: Sequence[str], names: Sequence[str]) -> list[str]:
    """The layers whose name is one of these or ends in one, by whole words; all for no names."""
    for name in names:
        if not any(f".{layer}".endswith(f".{name}") for layer in layers):
            ends = sorted({layer.rpartition(".")[2] for layer in layers})
            raise UserError(
                f"--lora target_modules={name} is no linear layer of the encoder; its layers: {', '.join(ends)}"
            )
    return [layer for layer in layers if not names or any(f".{layer}".endswith(f".{name}") for name in names)]


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():  # peft reads a property that transformers has renamed
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
        yield
