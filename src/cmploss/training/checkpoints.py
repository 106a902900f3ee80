"""Checkpoints of the Trainer: the one that a run continues from, and the one that keeps a trained model."""

import json
import os
import pickle
import shutil
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch.serialization import get_unsafe_globals_in_checkpoint
from transformers import EarlyStoppingCallback, TrainerState
from transformers.trainer import TRAINING_ARGS_NAME
from transformers.trainer_pt_utils import safe_globals

PATTERN = "checkpoint-*"
STATE_FILE = "trainer_state.json"
_WEIGHTS = ("model", "pytorch_model", "adapter_model")
_TO_CONTINUE = ("optimizer", "scheduler", "rng_state")
_ZIPPED = (".pt", ".pth", ".bin")
_DAMAGE = (
    *(OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RuntimeError, RecursionError, EOFError),
    *(zipfile.BadZipFile, SafetensorError, pickle.UnpicklingError, struct.error),
)  # what readers of damaged files raise


@dataclass(frozen=True)
class Checkpoint:
    """A whole checkpoint, and the steps that its model was trained for."""

    path: Path
    step: int
    trained: bool  # nothing is left to train: it is of the last step, or early stopping ended the run there


def newest_whole(folder: Path, max_steps: int) -> tuple[Checkpoint | None, list[str]]:
    """The newest checkpoint of a run that is whole, and what is wrong with each newer one.

    A process that is killed while it writes leaves a part of a checkpoint. After the last step nothing continues, so
    weights are enough there.
    """
    faults: list[str] = []
    found = [path for path in folder.glob(PATTERN) if path.name.rpartition("-")[2].isdecimal()]
    for path in sorted(found, key=lambda each: int(each.name.rpartition("-")[2]), reverse=True):
        try:
            step = _check(path, max_steps)
            return Checkpoint(path, step, step >= max_steps or _out_of_patience(path)), faults
        except _DAMAGE as error:
            faults.append(f"{path} is not whole ({' '.join(str(error).split())})")
    return None, faults


def keep_trained(trainer: Any, folder: Path) -> None:
    """Keep the trained model as the checkpoint of the last step, so that scoring can fail without losing it."""
    path = folder / f"checkpoint-{trainer.args.max_steps}"
    found, _ = newest_whole(folder, trainer.args.max_steps)
    if found is not None and found.path == path:  # it was saved in training
        return
    temporary = folder / f".{path.name}.{os.getpid()}.tmp"
    trainer.save_model(str(temporary), _internal_call=True)
    if trainer.is_world_process_zero():
        trainer.state.save_to_json(str(temporary / STATE_FILE))
        shutil.rmtree(path, ignore_errors=True)
        temporary.rename(path)


def restore_trained(trainer: Any, checkpoint: Checkpoint) -> None:
    """Give a Trainer the model and the log of a run that has had its last step."""
    trainer._load_from_checkpoint(str(checkpoint.path))
    trainer.state = TrainerState.load_from_json(str(checkpoint.path / STATE_FILE))
    best = trainer.state.best_model_checkpoint
    if trainer.args.load_best_model_at_end and best is not None:
        trainer.state.best_model_checkpoint = str(checkpoint.path.parent / Path(best).name)  # the folder may have moved
        trainer._load_best_model()


def _check(path: Path, max_steps: int) -> int:
    """The step of a checkpoint whose files are all there and readable; any other raises an exception."""
    files = sorted(each for each in path.rglob("*") if each.is_file())
    documents = {each.name: json.loads(each.read_text(encoding="utf-8")) for each in files if each.suffix == ".json"}
    if STATE_FILE not in documents:
        raise ValueError(f"{STATE_FILE} is missing")
    TrainerState.load_from_json(str(path / STATE_FILE))
    step = int(path.name.rpartition("-")[2])  # a run that was stopped early has fewer steps than its last checkpoint
    names = [each.name for each in path.iterdir() if each.suffix != ".json"]
    weights = [name for name in names if name.startswith(_WEIGHTS)]
    missing = [name for name in _TO_CONTINUE if not any(each.startswith(name) for each in names)]
    if not weights:
        raise ValueError("the weights are missing")
    if missing and step < max_steps:
        raise ValueError(f"{missing[0]} is missing")
    for index in documents.values():
        shards = set(index.get("weight_map", {}).values()) if isinstance(index, dict) else set()
        if shards - set(names):
            raise ValueError(f"{min(shards - set(names))} is missing")
    for each in files:
        if each.suffix == ".safetensors":
            with safe_open(each, framework="pt"):
                pass  # its size is what its header says
        elif each.suffix in _ZIPPED:
            with zipfile.ZipFile(each) as archive:
                packed = any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist())  # not by torch
                if packed or archive.testzip() is not None:
                    raise ValueError(f"{each.name} is damaged")
            if each.name != TRAINING_ARGS_NAME:  # which nothing reads
                _refuse_code(each)
    return step


def _out_of_patience(path: Path) -> bool:
    """Whether early stopping ended a run at this checkpoint."""
    states = TrainerState.load_from_json(str(path / STATE_FILE)).stateful_callbacks or {}
    found = states.get(EarlyStoppingCallback.__name__)
    if found is None:
        return False
    callback = EarlyStoppingCallback.from_state(found)
    return bool(callback.early_stopping_patience_counter >= callback.early_stopping_patience)


def _refuse_code(path: Path) -> None:
    """Refuse a pickle that names more than tensors and random states; nothing is unpickled."""
    with safe_globals():
        names = get_unsafe_globals_in_checkpoint(path)
    if names:
        raise ValueError(f"{path.name} holds {names[0]}, which is no part of a checkpoint")
