"""The options of ``transformers.TrainingArguments``, read from its source (importing it is slow), and our defaults."""

import ast
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from cmploss.errors import UserError

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


POSITIVE = (
    "per_device_train_batch_size",
    "per_device_eval_batch_size",
    "gradient_accumulation_steps",
    "num_train_epochs",
    "max_steps",
    "learning_rate",
    "eval_steps",
    "save_steps",
    "early_stopping_patience",
)
REFUSED = {
    "push_to_hub": "push the finished folder",
    "logging_nan_inf_filter": "a loss that is not finite ends the run",
    "prediction_loss_only": "the score that chooses a checkpoint would be missing",
    "save_only_model": "an interrupted run could not continue without its optimizer",
    "auto_find_batch_size": "all objectives of a comparison need the same batch size",
    "resume_from_checkpoint": "the same command continues an interrupted run by itself",
    **dict.fromkeys(("bf16_full_eval", "fp16_full_eval"), "models are scored in the precision of their weights"),
}
NEEDED = {"eval_do_concat_batches": "scores are computed over all batches of a split"}
"""Options that are on → why they cannot be turned off."""
INTERVALS = {"eval_steps": "eval_strategy", "save_steps": "save_strategy", "logging_steps": "logging_strategy"}
"""Option -> the one that must be ``steps`` for it."""
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


def check_training(given: Mapping[str, Any]) -> None:
    """Refuse training options that are not supported or out of range."""
    for name, reason in REFUSED.items():
        if given.get(name):
            raise UserError(f"--{name} is not supported: {reason}")
    for name, reason in NEEDED.items():
        if given.get(name) is False:
            raise UserError(f"--{name} false is not supported: {reason}")
    for name in POSITIVE:
        value = 1 if given.get(name) is None else given[name]
        unset = (name, value) == ("max_steps", -1)  # as transformers writes it
        if not 0 < value < math.inf and not unset:
            raise UserError(f"--{name} {value} is out of range; give a number above 0")


def options_without_effect(given: Mapping[str, Any], training: Mapping[str, Any], *, folds: bool) -> Iterator[str]:
    """Notes on epochs next to a number of steps, and on intervals without their strategy.

    Args:
        given: The options that were given.
        training: All options.
        folds: Whether the run is one of folds, whose steps are those of the epochs.
    """
    epochs, steps = training.get("num_train_epochs"), training.get("max_steps", -1)
    if epochs is not None and steps > 0 and not folds:
        yield f"--max_steps {steps} sets the length, and num_train_epochs {epochs:g} has no effect."
    for option, by in INTERVALS.items():
        strategy = training.get(by, training_options()[by].default)
        if given.get(option) is not None and strategy != "steps":
            yield f"--{option} {training[option]:g} has no effect: {by} is {strategy}, not steps."


def processes() -> int:
    """Number of processes of a distributed run, as set by torchrun or accelerate launch."""
    return int(os.environ.get("WORLD_SIZE", "1"))
