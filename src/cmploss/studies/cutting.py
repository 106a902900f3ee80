"""A trained model with fewer layers as a checkpoint of its own."""

from pathlib import Path
from typing import Any

from cmploss.errors import UserError
from cmploss.model_files import answers_questions, is_adapter, model_files
from cmploss.models import load_classifier, load_model, load_tokenizer, row_task_of, save_model
from cmploss.tasks.model_card import cut_card
from cmploss.tasks.qa.reader import reader_config
from cmploss.tasks.rows.row_kinds import KINDS
from cmploss.training.layers import keep_layers


def cut(name: str, layers: int, folder: Path) -> tuple[int, int]:
    """Write the lowest layers of a model, and the head of that depth, to a new folder; parameters before and after.

    Raises:
        UserError: The model cannot be loaded, is an adapter, or cannot have so many layers.
    """
    if is_adapter(model_files(name)):
        raise UserError(f"model {name} is an adapter, which cannot be cut; merge it into its model first")
    model = load_trained(name)
    card, before = cut_card(name, layers, model.config.num_hidden_layers), _size(model)
    keep_layers(model, layers, "layers")
    folder.mkdir(parents=True)
    tokenizer = load_tokenizer(name)
    save_model(model, tokenizer, folder, card)
    if answers_questions(name):
        reader_config(name, tokenizer).save(folder)
    return before, _size(model)


def load_trained(name: str) -> Any:
    """A fine-tuned model with any head, as it was saved."""
    if answers_questions(name):
        return load_model(name, "QuestionAnswering")
    task = row_task_of(name)
    return load_classifier(name) if task is None else load_model(name, KINDS[task].head)


def _size(model: Any) -> int:
    return sum(parameter.numel() for parameter in model.parameters())
