"""Encoding a collection into an index, in batches of similar length; an interrupted index is continued."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray
from scipy import sparse

from cmploss.atomic import write_json, writing
from cmploss.errors import UserError
from cmploss.models import load_tokenizer
from cmploss.retrieval.corpus import Texts
from cmploss.retrieval.encoder import Encoder, SparseEncoder, is_plain, load_encoder
from cmploss.retrieval.encoder_config import EncoderConfig, VectorType
from cmploss.retrieval.index import (
    INDEX_FILE,
    SPARSE_FILES,
    VECTORS_FILE,
    DenseIndex,
    Index,
    SparseIndex,
    check_new,
    index_entry,
    load_index,
    read_entry,
    stored,
    write_ids,
)
from cmploss.retrieval.vector_files import read_vectors

CHUNK = 512  # documents between two updates of index.json
CHUNK_FILES = "chunk-*.npz"
OLDER = {"vector_type": "float16"}  # of indexes that do not name it
SAMPLES = 8  # documents that are encoded again, to compare their vectors


def build_index(
    documents: Texts,
    encoder: Encoder | SparseEncoder,
    folder: str | Path,
    *,
    batch_size: int = 32,
    vector_type: VectorType = "float16",
    progress: Callable[[int], None] = lambda count: None,
    encode: Callable[[Iterable[list[str]]], Iterable[Any]] | None = None,
) -> Index:
    """Encode documents into ``folder``; an interrupted index is continued, a finished one is opened.

    Documents are encoded from the longest to the shortest, so that batches have little padding and the first batch
    needs the most memory. They are stored in the order of the collection: vectors in a memory-mapped file of
    ``vector_type``, token weights as a float32 CSR matrix, which is put together in memory once all documents are
    encoded. The folder must not contain anything else, such as an index of another collection or model. ``progress`` is
    called with the number of documents encoded since the last call. ``encode`` turns lists of texts into their vectors,
    by default one after another in this process.
    """
    path, shape = Path(folder), (len(documents), encoder.width)
    kind = DenseIndex.kind if isinstance(encoder, Encoder) else SparseIndex.kind
    settings = {**encoder.settings, "collection": texts_fingerprint(documents)}
    if kind == DenseIndex.kind:
        settings["vector_type"] = vector_type
    entry = {**index_entry(kind, encoder.name, settings, shape), "encoded": 0}
    done = _claim(path, entry)
    if done == 0:
        write_ids(path, documents.ids)
    order = np.argsort([-len(text) for text in documents.texts], kind="stable")
    progress(done)
    starts = range(done, len(order), CHUNK)
    chunks = ([documents.texts[row] for row in order[start : start + CHUNK]] for start in starts)
    found = encode(chunks) if encode else (encoder.documents(texts, batch_size) for texts in chunks)
    for start, vectors in zip(starts, found, strict=True):
        rows = order[start : start + CHUNK]
        end = start + len(rows)
        if isinstance(vectors, np.ndarray):
            _write_rows(path / VECTORS_FILE, shape, rows, stored(vectors, vector_type), first=start == 0)
        else:
            with writing(path / CHUNK_FILES.replace("*", f"{start:012}")) as file:
                sparse.save_npz(file, vectors, compressed=False)
            if end == len(order):
                _join_chunks(path, order)
        write_json(path / INDEX_FILE, {**entry, "encoded": end})
        progress(len(rows))
    _remove_chunks(path)
    return load_index(path)


def encoder_of(index: Index, model: str | None = None) -> Encoder | SparseEncoder:
    """The encoder of an index, for its queries. ``model`` is its new location, if it has moved.

    Raises:
        UserError: If the encoder cannot be loaded, differs in weights or settings from the one that made the index, or
            is unknown because another tool made the index.
    """
    name, made = model or index.model, index.settings
    if not has_known_encoder(index):
        raise UserError(
            f"the index of {index.model} is of another tool; cmploss cannot encode its queries: give --query_vectors"
        )
    options = {option: made.get(option) for option in ("max_length", "token_weights", "max_terms")}
    if isinstance(index, DenseIndex):
        options["pooling"] = made.get("pooling") if is_plain(name) else None
        options |= {f"{text}_prompt": made.get("prompts", {}).get(text) for text in ("query", "document")}
    encoder = load_encoder(EncoderConfig(name, kind=index.kind, **options))
    for setting, value in encoder.settings.items():
        if made.get(setting) != value:
            raise UserError(
                f"the index was built with another model: its {setting} is {made.get(setting)!r} "
                f"({index.model}), not {value!r} ({encoder.name}); give the index's --model or build a new index"
            )
    return encoder


def has_known_encoder(index: Index) -> bool:
    """Whether :func:`encoder_of` can load the encoder: an index of another tool does not name it."""
    return "weights" in index.settings


def import_index(
    vectors: str | Path,
    documents: Texts,
    folder: str | Path,
    config: EncoderConfig | None = None,
    vector_type: VectorType = "float16",
) -> Index:
    """Write an index of vectors that another tool has made; see :func:`cmploss.retrieval.vector_files.read_vectors`.

    Dense vectors that the encoder of ``config`` makes too are an index as if it had made it: it encodes queries. Of
    token weights, only its vocabulary is used. The settings of the index have a hash of the vectors.

    Raises:
        UserError: The encoder makes other vectors.
    """
    check_new(Path(folder))
    vocabulary = None if config is None else load_tokenizer(config.model).get_vocab()
    found: Any = read_vectors(vectors, documents, vocabulary)
    settings: dict[str, Any] = {"collection": texts_fingerprint(documents)}
    if sparse.issparse(found):
        if vector_type != "float16":
            raise UserError(f"--vector_type does not apply to {vectors}, whose weights stay float32; leave it out")
        settings |= {} if config is None else {"vocabulary": config.model}
        index: Index = SparseIndex(found, documents.ids, str(vectors), settings)
    elif config is None:
        settings["vector_type"] = vector_type
        index = DenseIndex(stored(found, vector_type), documents.ids, str(vectors), settings)
    else:
        encoder = load_encoder(config)
        own: Any = encoder.documents(documents.texts[:SAMPLES])
        theirs = np.asarray(found[:SAMPLES], dtype=np.float32)
        if own.shape != theirs.shape or not np.allclose(own, theirs, rtol=0.02, atol=0.02 * abs(own).max()):
            raise UserError(f"{vectors}: --model {config.model} makes other vectors; leave --model out")
        settings |= {**encoder.settings, "vector_type": vector_type}
        index = DenseIndex(stored(found, vector_type), documents.ids, config.model, settings)
    digest, one_array = hashlib.sha256(), isinstance(index, DenseIndex)
    for array in [index.vectors] if one_array else [getattr(index.vectors, name) for name in SPARSE_FILES]:
        digest.update(np.ascontiguousarray(array).data)
    settings["vectors"] = digest.hexdigest()[:12]
    index.save(folder)
    return load_index(folder)


def query_vectors(
    index: Index,
    queries: Texts,
    vectors: str | Path | None = None,
    model: str | None = None,
    *,
    only: Sequence[str] | None = None,
) -> NDArray[np.float32]:
    """The vectors ``(Q, H)`` of queries, or ``only`` of some, by the encoder of the index, or from a file of all."""
    chosen = queries if only is None else queries.only(only)
    if vectors is None:
        return encoder_of(index, model).queries(chosen.texts)
    name = model or index.settings.get("vocabulary")
    found: Any = read_vectors(vectors, queries, None if name is None else load_tokenizer(name).get_vocab())
    if model is not None and isinstance(found, np.ndarray):
        raise UserError(f"--model does not apply to {vectors}, which has no token weights; leave it out")
    dense: Any = found if isinstance(found, np.ndarray) else found.toarray()
    place = {key: row for row, key in enumerate(queries.ids)}
    return np.asarray(dense[[place[key] for key in chosen.ids]], dtype=np.float32)


def texts_fingerprint(texts: Texts) -> str:
    """12 hexadecimal digits of SHA-256 over ids and texts in their order."""
    digest = hashlib.sha256()
    for key, text in zip(texts.ids, texts.texts, strict=True):
        digest.update(f"{key}\t{len(text)}\t{text}\n".encode())
    return digest.hexdigest()[:12]


def _claim(folder: Path, entry: dict[str, Any]) -> int:
    """Create the folder of a new index, or check an old one; returns the number of documents encoded so far."""
    if not (folder / INDEX_FILE).exists():
        if folder.exists() and (folder.is_file() or any(folder.iterdir())):
            raise UserError(f"{folder}: is not empty and contains no index; choose another folder")
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / INDEX_FILE, entry)
    found = read_entry(folder)
    theirs, ours = ({**OLDER, **each, **each["settings"]} for each in (found, entry))
    for name in ("kind", *entry["settings"], "documents", "width"):
        if theirs.get(name) != ours[name]:
            raise UserError(
                f"{folder}: already contains another index: its {name} is {theirs.get(name)!r}, not {ours[name]!r}; "
                "choose another folder"
            )
    return int(found["encoded"])


def _write_rows(path: Path, shape: tuple[int, int], rows: NDArray[np.intp], vectors: Any, *, first: bool) -> None:
    options: Any = {"mode": "w+", "dtype": vectors.dtype, "shape": shape} if first else {"mode": "r+"}
    file = open_memmap(path, **options)
    file[rows] = vectors
    file.flush()


def _join_chunks(folder: Path, order: NDArray[np.intp]) -> None:
    """Write the chunks, whose rows were encoded in ``order``, as one matrix; may be done twice."""
    chunks = [sparse.load_npz(path) for path in sorted(folder.glob(CHUNK_FILES))]
    whole = sparse.csr_matrix(sparse.vstack(chunks, format="csr")[np.argsort(order)])
    if whole.nnz == 0:
        raise UserError(f"{folder}: no document has a token weight above 0; choose another --model")
    SparseIndex(whole, [], "")._write(folder)


def _remove_chunks(folder: Path) -> None:
    for path in folder.glob(CHUNK_FILES):
        path.unlink()
