"""Examples to token ids."""

from typing import Any

from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from cmploss.errors import UserError
from cmploss.tasks.text.labelled_texts import TEXT_FIELDS


def encode(dataset: Dataset, tokenizer: PreTrainedTokenizerBase, max_length: int) -> Dataset:
    """Tokenise texts or pairs, cut to ``max_length`` (of a pair the longer text first), without padding.

    Args:
        dataset: Examples with ``text``, perhaps ``text_pair``, and ``label`` where it is known.
        tokenizer: Of the model.
        max_length: Tokens at most, special ones counted.

    Returns:
        Columns ``labels`` (int or float, where given), ``input_ids``, ``attention_mask`` and what else the tokenizer
        gives, such as ``token_type_ids``; a collator pads each batch to its longest example.

    Raises:
        UserError: ``max_length`` leaves no room for text, or is beyond the tokenizer's limit.
    """
    fields = [field for field in TEXT_FIELDS if field in dataset.column_names]
    special = tokenizer.num_special_tokens_to_add(pair=len(fields) == 2)
    least, most = special + len(fields), tokenizer.model_max_length
    if not least <= max_length <= most:
        raise UserError(f"--max_length must be from {least} to {most} for this tokenizer, got {max_length}")

    def tokenised(batch: dict[str, Any]) -> dict[str, Any]:
        return dict(tokenizer(*(batch[field] for field in fields), truncation=True, max_length=max_length))

    if "label" in dataset.column_names:
        dataset = dataset.rename_column("label", "labels")
    others = [name for name in dataset.column_names if name != "labels"]
    return dataset.map(tokenised, batched=True, remove_columns=others)
