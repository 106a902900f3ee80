"""Vectors that another tool has made: arrays, lines of JSON, and flat indexes of faiss."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from cmploss.errors import UserError
from cmploss.retrieval.corpus import Texts, numbered_lines
from cmploss.retrieval.optional import read_faiss

FORMS = ".npy, .npz (a CSR matrix of scipy), .jsonl, .jsonl.gz, .faiss, or a folder with the files index and docid"


def read_vectors(path: str | Path, texts: Texts, vocabulary: Mapping[str, int] | None = None) -> Any:
    """The vectors ``(len(texts), H)`` of documents or queries, in their order; an array or a CSR matrix.

    - ``.npy``, ``.npz`` (a CSR matrix of scipy) and ``.faiss`` (a flat index) have one row per text, in their order;
    - lines of JSON are ``{"id": …, "vector": …}`` in any order, as of pyserini: a list of numbers, or an object with
      token weights, whose columns are those of ``vocabulary``;
    - a folder of pyserini has a flat index in ``index`` and the id of each row in ``docid``.

    Nothing is unpickled.

    Raises:
        UserError: The file has another form, other ids or another number of rows, or numbers that are not finite.
    """
    file = Path(path)
    found: Any
    if file.name.endswith((".jsonl", ".jsonl.gz")):
        found = _json_rows(file, texts, vocabulary)
    elif file.is_dir():
        ids = [line.strip() for _, line in numbered_lines(file / "docid")]
        found = _of_faiss(file / "index")
        place = {key: row for row, key in enumerate(ids)}
        if len(place) != found.shape[0] or not place.keys() >= set(texts.ids):
            raise UserError(f"{file}: index and docid do not have the ids of {texts.source}")
        found = found[[place[key] for key in texts.ids]]
    elif file.suffix == ".faiss":
        found = _of_faiss(file)
    elif file.suffix in (".npy", ".npz"):
        found = _of_numpy(file)
    else:
        raise UserError(f"{file}: is no known form of vectors; give {FORMS}")
    numbers: Any = found if isinstance(found, np.ndarray) else found.data
    if found.ndim != 2 or numbers.dtype.kind != "f":
        raise UserError(f"{file}: has an array of {numbers.dtype} with shape {found.shape}; give rows of numbers")
    if found.shape[0] != len(texts):
        raise UserError(f"{file}: has {found.shape[0]} vectors, but {texts.source} has {len(texts)} texts")
    if not np.isfinite(numbers).all():
        raise UserError(f"{file}: has numbers that are not finite")
    return found


def _of_numpy(path: Path) -> Any:
    try:
        if path.suffix == ".npy":
            return np.load(path, mmap_mode="r")
        with path.open("rb") as file:
            return sparse.csr_matrix(sparse.load_npz(file))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error}); check the path") from error
    except Exception as error:  # the parser of headers raises errors of many kinds
        raise UserError(f"{path}: is no array of numbers that numpy or scipy has saved") from error


def _of_faiss(path: Path) -> Any:
    fault = "is no flat index of faiss, whose vectors can be read"
    index = read_faiss(path, fault)
    try:
        return index.reconstruct_n(0, index.ntotal)
    except (RuntimeError, AttributeError, ValueError, MemoryError) as error:  # also of an empty or too large array
        raise UserError(f"{path}: {fault}") from error


def _json_rows(path: Path, texts: Texts, vocabulary: Mapping[str, int] | None) -> Any:
    place = {key: row for row, key in enumerate(texts.ids)}
    rows: dict[int, Any] = {}
    for line, content in numbered_lines(path):
        where = f"{path}, line {line}"
        try:
            entry = json.loads(content)
            key, vector = str(entry["id"]), entry["vector"]
        except (ValueError, RecursionError, TypeError, KeyError) as error:
            raise UserError(f"{where}: is not an object with 'id' and 'vector'") from error
        if key in place and place[key] in rows:
            raise UserError(f"{where}: the id {key[:40]!r} occurs twice")
        if not isinstance(vector, (list, dict)) or not all(map(_is_number, _values(vector))):
            raise UserError(f"{where}: 'vector' is neither a list of numbers nor token weights")
        if key in place:
            rows[place[key]] = vector
            first = next(iter(rows.values()))
            if type(first) is not type(vector) or (isinstance(vector, list) and len(vector) != len(first)):
                raise UserError(f"{where}: the vector has another form or length than the first one")
    missing = next((key for key, row in place.items() if row not in rows), None)
    if missing is not None:
        raise UserError(f"{path}: has no vector of {missing!r}, which is in {texts.source}")
    if isinstance(rows[0], list):
        return np.array([rows[row] for row in range(len(texts))], dtype=np.float32)
    if vocabulary is None:
        raise UserError(f"{path}: has token weights; give --model, whose vocabulary names the columns")
    unknown = next((token for row in rows.values() for token in row if token not in vocabulary), None)
    if unknown is not None:
        raise UserError(f"{path}: the token {unknown[:40]!r} is not in the vocabulary of the model")
    counts = [len(rows[row]) for row in range(len(texts))]
    columns = [vocabulary[token] for row in range(len(texts)) for token in rows[row]]
    values = [value for row in range(len(texts)) for value in rows[row].values()]
    shape = len(texts), max(vocabulary.values()) + 1
    data = np.array(values, dtype=np.float32), np.array(columns), np.concatenate([[0], np.cumsum(counts)])
    return sparse.csr_matrix(data, shape=shape)


def _values(vector: Any) -> Any:
    return vector.values() if isinstance(vector, dict) else vector


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
