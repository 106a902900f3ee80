"""Examples to token ids."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from cmploss.errors import UserError
from cmploss.tasks.text.labelled_texts import TEXT_FIELDS


def encode(dataset: Dataset, tokenizer: PreTrainedTokenizerBase, max_length: int) -> Dataset:
    """Tokenise texts or pairs, cut to ``max_length`` (the longer text of a pair first), without padding.

    Args:
        dataset: Examples with ``text``, and optionally ``text_pair`` and ``label``.
        tokenizer: The model's tokenizer.
        max_length: Longest input in tokens, with special tokens.

    Returns:
        Columns ``labels`` (int or float, if given), ``input_ids``, ``attention_mask`` and other outputs of the
        tokenizer, such as ``token_type_ids``; a collator pads each batch to its longest example.

    Raises:
        UserError: If ``max_length`` leaves no room for text, or is above the tokenizer's limit.
    """
    fields = [field for field in TEXT_FIELDS if field in dataset.column_names]
    check_length(tokenizer, max_length, len(fields))

    def tokenised(batch: dict[str, Any]) -> dict[str, Any]:
        return dict(tokenizer(*(batch[field] for field in fields), truncation=True, max_length=max_length))

    if "label" in dataset.column_names:
        dataset = dataset.rename_column("label", "labels")
    others = [name for name in dataset.column_names if name != "labels"]
    return dataset.map(tokenised, batched=True, remove_columns=others)


def check_length(tokenizer: PreTrainedTokenizerBase, max_length: int, texts: int = 1) -> None:
    """Refuse a length that leaves no room for a token of each text, or is above the tokenizer's limit."""
    least, most = tokenizer.num_special_tokens_to_add(pair=texts == 2) + texts, tokenizer.model_max_length
    if not least <= max_length <= most:
        raise UserError(f"--max_length must be from {least} to {most} for this tokenizer, got {max_length}")


COVERED = 0.99
"""Share of the training texts that ``--max_length auto`` does not cut."""


def covering_length(lengths: NDArray[np.int64]) -> int:
    """The length in tokens that :data:`COVERED` of the texts do not exceed."""
    return int(np.sort(lengths)[int(np.ceil(COVERED * len(lengths))) - 1])


def token_counts(dataset: Dataset, tokenizer: PreTrainedTokenizerBase) -> tuple[NDArray[np.int64], int]:
    """The number of tokens of each uncut example, with special tokens; and the total number of unknown tokens."""
    lengths: list[int] = []
    unknown = 0
    for batch in _columns(dataset):
        ids = tokenizer(*batch, verbose=False)["input_ids"]
        lengths += map(len, ids)
        unknown += sum(each.count(tokenizer.unk_token_id) for each in ids) if tokenizer.unk_token_id is not None else 0
    return np.array(lengths), unknown


def notes_of_encoding(
    counts: Mapping[Any, tuple[NDArray[np.int64], int]], max_length: int, limit: int, special: int = 0
) -> Iterator[str]:
    """Notes on what the model, which reads ``limit`` tokens, does not read of each split: :func:`notes_on_inputs`.

    Raises:
        UserError: Every token of the training split but ``special`` ones of each example is unknown.
    """
    lengths, unknown = counts.get("train", (np.zeros(0), 0))
    if unknown and unknown == (lengths - special).sum():
        raise UserError(
            "the tokenizer of the model knows no word of the training split; give a model of this language, and see "
            "that its folder has its own tokenizer"
        )
    advice = ""
    if len(lengths) and max_length < covering_length(lengths.reshape(len(lengths), -1).max(axis=1)) <= limit:
        advice = "; --max_length auto cuts only 1 % of the training texts"
    for split, (lengths, unknown) in counts.items():
        yield from notes_on_inputs(lengths, unknown, max_length, f"the {split} split", advice)


def notes_on_inputs(
    lengths: NDArray[np.int64], unknown: int, max_length: int, data: str, advice: str = ""
) -> Iterator[str]:
    """Notes on cut texts and on unknown tokens.

    Args:
        lengths: Tokens of each uncut example, with special tokens: ``(examples,)``, or ``(examples, texts)`` if the
            model reads several texts of an example by themselves.
        unknown: The number of unknown tokens.
        max_length: Where a text is cut.
        data: What the examples are from.
        advice: What to do about cut texts.
    """
    over = lengths.reshape(len(lengths), -1) - max_length
    cut = int((over > 0).any(axis=1).sum())
    if cut:
        lost = 100 * over.clip(min=0).sum() / lengths.sum()
        yield (
            f"{cut} of {len(lengths)} examples of {data} are cut at {max_length} tokens and lose {lost:.1f} % of its "
            f"tokens{advice}."
        )
    if unknown:
        yield f"{unknown} tokens of {data} ({100 * unknown / lengths.sum():.2g} %) are unknown to the tokenizer."


def _columns(dataset: Dataset) -> Iterator[list[list[str]]]:
    fields = [field for field in TEXT_FIELDS if field in dataset.column_names]
    for batch in dataset.select_columns(fields).iter(batch_size=1000):
        yield [list(batch[field]) for field in fields]


INPUTS = "texts_per_example"
"""The entry of a saved tokenizer that says whether its model was trained on single texts or pairs."""


def check_inputs(dataset: Dataset, tokenizer: PreTrainedTokenizerBase) -> None:
    """Refuse pairs for a model that was trained on single texts, and the other way round."""
    found, trained = sum(field in dataset.column_names for field in TEXT_FIELDS), tokenizer.init_kwargs.get(INPUTS)
    if trained not in (None, found):
        read, given = ("single texts" if texts == 1 else "pairs of texts" for texts in (trained, found))
        columns = "one column" if trained == 1 else "two columns, as in premise,hypothesis"
        raise UserError(f"the model was trained on {read}, but these are {given}; give --text_column {columns}")
