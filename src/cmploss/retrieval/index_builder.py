"""Encoding a collection into an index, in batches of similar length, again and again until it is finished."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, overload

import numpy as np

from cmploss.errors import UserError
from cmploss.retrieval.corpus import Texts
from cmploss.retrieval.encoder import Encoder, EncoderConfig, is_plain, load_encoder
from cmploss.retrieval.index import (
    INDEX_FILE,
    DenseIndex,
    Index,
    SparseIndex,
    index_entry,
    read_entry,
    write_entry,
    write_ids,
)
from cmploss.retrieval.index_writer import DenseStorage, SparseStorage
from cmploss.retrieval.sparse_encoder import SparseEncoder, SparseEncoderConfig, load_sparse_encoder

CHUNK = 512  # documents between two notes of how far it has come


def build_index(
    documents: Texts,
    encoder: Encoder | SparseEncoder,
    folder: str | Path,
    *,
    batch_size: int = 32,
    progress: Callable[[int], None] = lambda count: None,
) -> Index:
    """Encode documents into ``folder``; an interrupted index goes on, a finished one is opened.

    Documents are encoded from the longest to the shortest, so that batches have little padding and memory runs out at
    once or never. They are stored in the order of the collection: vectors in a memory-mapped float16 file, token
    weights in the parts of a CSR matrix, float32.

    Args:
        documents: The collection.
        encoder: Its settings and a fingerprint of its weights are kept with the index.
        folder: Of the index.
        batch_size: Documents per batch.
        progress: Called with the number of documents that are done since the last call.

    Returns:
        A dense index of an :class:`Encoder`, a sparse one of a :class:`SparseEncoder`.

    Raises:
        UserError: The folder holds something else, or an index of another collection or model.
    """
    path, shape = Path(folder), (len(documents), encoder.width)
    storage = DenseStorage(path, shape) if isinstance(encoder, Encoder) else SparseStorage(path, shape)
    settings = {**encoder.settings, "collection": texts_fingerprint(documents)}
    entry = {**index_entry(storage.index.kind, encoder.name, settings, shape), "encoded": 0}
    done = _claimed(path, entry)
    if done == 0:
        write_ids(path, documents.ids)
    order = np.argsort([-len(text) for text in documents.texts], kind="stable")
    progress(done)
    for start in range(done, len(order), CHUNK):
        rows = order[start : start + CHUNK]
        storage.write(start, rows, encoder.documents([documents.texts[row] for row in rows], batch_size))
        if start + len(rows) == len(order):
            storage.finish(order)
        write_entry(path, {**entry, "encoded": start + len(rows)})
        progress(len(rows))
    storage.clear()
    return storage.index.load(path)


@overload
def encoder_of(index: DenseIndex, model: str | None = ...) -> Encoder: ...
@overload
def encoder_of(index: SparseIndex, model: str | None = ...) -> SparseEncoder: ...
def encoder_of(index: Index, model: str | None = None) -> Encoder | SparseEncoder:
    """The encoder of an index, for its queries.

    Args:
        index: Its settings decide the pooling of a plain encoder, what is done to token weights, and the longest input.
        model: Where the encoder is, if it has moved since.

    Raises:
        UserError: The encoder cannot be loaded, or has other weights or settings than the one that made the index; or
            nothing is known of it, as the index was made elsewhere.
    """
    name, made = model or index.model, index.settings
    encoder: Encoder | SparseEncoder
    if isinstance(index, DenseIndex):
        encoder = load_encoder(EncoderConfig(name, made.get("pooling") if is_plain(name) else None))
        encoder.module.max_seq_length = made.get("max_length")
    elif not knows_its_encoder(index):
        raise UserError(f"the sparse index of {index.model} was made elsewhere: nothing here encodes its queries")
    else:
        chosen = {option: made[option] for option in ("max_length", "token_weights", "max_terms")}
        encoder = load_sparse_encoder(SparseEncoderConfig(name, **chosen))
    for setting, value in encoder.settings.items():
        if made.get(setting) != value:
            raise UserError(
                f"the index was built with another model: its {setting} is {made.get(setting)!r} "
                f"({index.model}), not {value!r} ({encoder.name}); give its own --model or build an index with this one"
            )
    return encoder


def knows_its_encoder(index: SparseIndex) -> bool:
    """Whether a sparse index was made here, of an encoder that can be loaded again."""
    return "token_weights" in index.settings


def texts_fingerprint(texts: Texts) -> str:
    """12 hexadecimal digits of SHA-256 over ids and texts in their order."""
    digest = hashlib.sha256()
    for key, text in zip(texts.ids, texts.texts, strict=True):
        digest.update(f"{key}\t{len(text)}\t{text}\n".encode())
    return digest.hexdigest()[:12]


def _claimed(folder: Path, entry: dict[str, Any]) -> int:
    """Make the folder of a new index, or check that of an old one; how many documents are encoded in it."""
    if not (folder / INDEX_FILE).exists():
        if folder.exists() and (folder.is_file() or any(folder.iterdir())):
            raise UserError(f"{folder}: is not empty and holds no index; choose another folder")
        folder.mkdir(parents=True, exist_ok=True)
        write_entry(folder, entry)
    found = read_entry(folder)
    theirs, ours = ({**each, **each["settings"]} for each in (found, entry))
    for name in ("kind", *entry["settings"], "documents", "width"):
        if theirs.get(name) != ours[name]:
            raise UserError(
                f"{folder}: holds another index already: its {name} is {theirs.get(name)!r}, not {ours[name]!r}; "
                "choose another folder"
            )
    return int(found["encoded"])
