"""Encoding a collection into a dense index, in batches of similar length, again and again until it is finished."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from cmploss.errors import UserError
from cmploss.retrieval.encoder import Encoder
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
    settings = {**encoder.settings, "collection": collection_fingerprint(documents)}
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


def check_encoder(index: DenseIndex, encoder: Encoder) -> None:
    """Check that an encoder's queries may be searched for in an index.

    Raises:
        UserError: The index was built with other weights or settings.
    """
    for name, value in encoder.settings.items():
        if index.settings.get(name) != value:
            raise UserError(
                f"the index was built with another model: its {name} is {index.settings.get(name)!r} "
                f"({index.model}), not {value!r} ({encoder.name}); give its own --model or build an index with this one"
            )


def collection_fingerprint(documents: Texts) -> str:
    """12 hexadecimal digits of SHA-256 over ids and texts in their order."""
    digest = hashlib.sha256()
    for key, text in zip(documents.ids, documents.texts, strict=True):
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
