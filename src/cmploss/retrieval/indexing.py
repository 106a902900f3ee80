"""Encoding a collection into a dense index, in batches of similar length, again and again until it is finished."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from cmploss.errors import UserError
from cmploss.retrieval.encoder import Encoder, EncoderConfig, is_plain, load_encoder
from cmploss.retrieval.index import (
    INDEX_FILE,
    VECTORS_FILE,
    DenseIndex,
    index_entry,
    read_entry,
    write_entry,
    write_ids,
)
from cmploss.retrieval.texts import Texts

CHUNK = 512  # documents between two notes of how far it has come


def build_index(
    documents: Texts,
    encoder: Encoder,
    folder: str | Path,
    *,
    batch_size: int = 32,
    progress: Callable[[int], None] = lambda count: None,
) -> DenseIndex:
    """Encode documents into ``folder``; an interrupted index goes on, a finished one is opened.

    Documents are encoded from the longest to the shortest, so that batches have little padding and memory runs out at
    once or never. Vectors go to a memory-mapped float16 file, in the order of the collection.

    Args:
        documents: The collection.
        encoder: Its settings and a fingerprint of its weights are kept with the index.
        folder: Of the index.
        batch_size: Documents per batch.
        progress: Called with the number of documents that are done since the last call.

    Raises:
        UserError: The folder holds something else, or an index of another collection or model.
    """
    path = Path(folder)
    shape = (len(documents), encoder.width)
    settings = {**encoder.settings, "collection": texts_fingerprint(documents)}
    entry = {**index_entry("dense", encoder.name, settings, shape), "encoded": 0}
    done = _claimed(path, entry)
    if done == 0:
        write_ids(path, documents.ids)
        vectors = np.lib.format.open_memmap(path / VECTORS_FILE, mode="w+", dtype=np.float16, shape=shape)
    else:
        vectors = np.lib.format.open_memmap(path / VECTORS_FILE, mode="r+")
    order = np.argsort([-len(text) for text in documents.texts], kind="stable")
    progress(done)
    for start in range(done, len(order), CHUNK):
        rows = order[start : start + CHUNK]
        vectors[rows] = encoder.documents([documents.texts[row] for row in rows], batch_size)
        vectors.flush()
        write_entry(path, {**entry, "encoded": start + len(rows)})
        progress(len(rows))
    return DenseIndex.load(path)


def encoder_of(index: DenseIndex, model: str | None = None) -> Encoder:
    """The encoder of an index, for its queries.

    Args:
        index: Its settings decide the pooling of a plain encoder and the longest input.
        model: Where the encoder is, if it has moved since.

    Raises:
        UserError: The encoder cannot be loaded, or has other weights or settings than the one that made the index.
    """
    name = model or index.model
    encoder = load_encoder(EncoderConfig(name, index.settings.get("pooling") if is_plain(name) else None))
    encoder.module.max_seq_length = index.settings.get("max_length")
    for name, value in encoder.settings.items():
        if index.settings.get(name) != value:
            raise UserError(
                f"the index was built with another model: its {name} is {index.settings.get(name)!r} "
                f"({index.model}), not {value!r} ({encoder.name}); give its own --model or build an index with this one"
            )
    return encoder


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
