"""A trained model with fewer layers as a checkpoint of its own."""

from pathlib import Path
from typing import Any

from cmploss.atomic import write_bytes
from cmploss.models import load_tokenizer, load_trained, model_files, save_model
from cmploss.tasks.model_card import cut_card
from cmploss.tasks.qa.reader_config import FILE as READER_FILE


def cut(name: str, layers: int, folder: Path) -> tuple[int, int]:
    """Write the lowest layers of a model, and the head of that depth, to a new folder; parameters before and after.

    Raises:
        UserError: The model cannot be loaded, or cannot have so many layers.
    """
    whole, model = load_trained(name), load_trained(name, layers)
    folder.mkdir(parents=True)
    save_model(model, load_tokenizer(name), folder, cut_card(name, layers, whole.config.num_hidden_layers))
    settings = Path(model_files(name)) / READER_FILE
    if settings.is_file():
        write_bytes(folder / READER_FILE, settings.read_bytes())
    return _size(whole), _size(model)


def _size(model: Any) -> int:
    return sum(parameter.numel() for parameter in model.parameters())
