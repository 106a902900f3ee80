"""The options of ``transformers.TrainingArguments``, read from its source (importing it is slow), and our defaults."""

import ast
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

# Defaults of transformers that decide a result. They are fixed here, so that another release does not change studies.
FIXED_DEFAULTS: dict[str, Any] = {
    "learning_rate": 5e-5,
    "lr_scheduler_type": "linear",
    "optim": "adamw_torch_fused",
    "adam_beta1": 0.9,
    "adam_beta2": 0.999,
    "adam_epsilon": 1e-8,
    "weight_decay": 0.0,
    "max_grad_norm": 1.0,
    "gradient_accumulation_steps": 1,
    "average_tokens_across_devices": True,
    "label_smoothing_factor": 0.0,
    "dataloader_drop_last": False,
    "bf16": False,
    "fp16": False,
}
# Where these differ from transformers', the reason is ours.
TRAINING_DEFAULTS: dict[str, Any] = {
    **FIXED_DEFAULTS,
    "per_device_train_batch_size": 16,
    "per_device_eval_batch_size": 64,
    "warmup_steps": 0.1,  # a share of all steps: short runs of pretrained encoders are unstable without it
    "train_sampling_strategy": "group_by_length",  # less padding
    "logging_steps": 0.05,  # a share of all steps: short runs have a curve too
    "save_strategy": "no",
    "report_to": "none",
    "disable_tqdm": True,
    "dataloader_pin_memory": False,
}


@dataclass(frozen=True)
class TrainingOption:
    """A field of ``TrainingArguments``; its default is None if the source computes the value."""

    kind: Any  # bool, int, float, str, list (of texts), dict (JSON), or a Literal of the allowed texts
    default: Any


OWN_OPTIONS: dict[str, TrainingOption] = {
    "class_weights": TrainingOption(Literal["none", "balanced"], None),
    "early_stopping_patience": TrainingOption(int, None),
}
"""Options of training that are not fields of ``TrainingArguments``."""


@cache
def training_options() -> dict[str, TrainingOption]:
    """Every field that can be written as text, by name, and ours; :class:`TrainingArguments` checks values later."""
    found = find_spec("transformers")
    if found is None or found.origin is None:
        raise ImportError("transformers is not installed; pip install transformers")
    folder = Path(found.origin).parent
    classes = {
        node.name: node
        for name in ("trainer_utils.py", "training_args.py")
        for node in ast.parse((folder / name).read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    }
    options = {}
    for line in classes["TrainingArguments"].body:
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and isinstance(line.value, ast.Call):
            settings = {str(keyword.arg): keyword.value for keyword in line.value.keywords}
            kind = _kind(ast.unparse(line.annotation).split(" | "), settings, classes)
            if kind is not None and _literal(settings.get("init")) is not False:
                options[line.target.id] = TrainingOption(kind, _literal(settings.get("default")))
    return {**options, **OWN_OPTIONS}


def _kind(types: list[str], settings: dict[str, ast.expr], classes: dict[str, ast.ClassDef]) -> Any:
    metadata = settings.get("metadata")
    if isinstance(metadata, ast.Dict):
        described = {_literal(key): value for key, value in zip(metadata.keys, metadata.values, strict=True)}
        if choices := _literal(described.get("choices")):
            return Literal[tuple(choices)]
    for name in types:
        if name in classes:  # an enumeration of texts
            values = [_literal(line.value) for line in classes[name].body if isinstance(line, ast.Assign)]
            return Literal[tuple(values)]
    for kind in (bool, int, float, str):
        if kind.__name__ in types:
            return kind
    return next((kind for kind in (list, dict) if any(name.startswith(kind.__name__) for name in types)), None)


def _literal(node: ast.expr | None) -> Any:
    try:
        return None if node is None else ast.literal_eval(node)
    except ValueError:
        return None
