"""Vectors that another tool has made: arrays, lines of JSON, and flat indexes of faiss."""

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from cmploss.errors import UserError
from cmploss.json_text import parse_json
from cmploss.retrieval.corpus import Texts, numbered_lines
from cmploss.retrieval.optional import extra, read_faiss

LINES = (".jsonl", ".jsonl.gz", ".json", ".json.gz")
TABS = (".tsv", ".tsv.gz")
FORMS = (
    ".npy, .npz (a CSR matrix of scipy), .jsonl, .tsv, .faiss, or a folder of pyserini: the files index and docid, or "
    "files of JSON lines"
)


def read_vectors(path: str | Path, texts: Texts, vocabulary: Mapping[str, int] | None = None) -> Any:
    """The vectors ``(len(texts), H)`` of documents or queries, in their order; an array or a CSR matrix.

    - ``.npy``, ``.npz`` (a CSR matrix of scipy) and ``.faiss`` (a flat index) have one row per text, in their order;
    - lines of JSON are ``{"id": …, "vector": …}`` in any order, as of pyserini: a list of numbers, or an object with
      token weights, whose columns are those of ``vocabulary``;
    - ``.tsv`` are the sparse queries of pyserini, ``id TAB tokens``, in which a token is repeated by its weight;
    - a folder of pyserini has a flat index in ``index`` and the id of each row in ``docid``, or files of such lines.

    Nothing is unpickled.

    Raises:
        UserError: The file has another form, other ids or another number of rows, or numbers that are not finite.
    """
    file = Path(path)
    found: Any
    lines = [path for path in sorted(file.iterdir()) if path.name.endswith(LINES)] if file.is_dir() else []
    if lines or file.name.endswith((*LINES, *TABS)):
        found = _of_lines(file, lines or [file], texts, vocabulary)
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
    if not isinstance(found, np.ndarray) and found.dtype.kind == "f":
        found = found.astype(np.float32)  # the type of a sparse index; larger numbers become infinite
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
    if not isinstance(index, extra("faiss").IndexFlat):  # faiss crashes on a damaged graph
        raise UserError(f"{path}: {fault}")
    try:
        return index.reconstruct_n(0, index.ntotal)
    except (RuntimeError, AttributeError, ValueError, MemoryError) as error:  # also of an empty or too large array
        raise UserError(f"{path}: {fault}") from error


def _of_lines(file: Path, paths: Sequence[Path], texts: Texts, vocabulary: Mapping[str, int] | None) -> Any:
    """The vectors of lines, which are kept as numbers only: a collection may have millions."""
    place = {key: row for row, key in enumerate(texts.ids)}
    values, columns, rows, ends = array("f"), array("i"), array("q"), array("q", [0])
    seen, width, kind = np.zeros(len(texts), dtype=bool), 0, None
    for where, key, vector in chain.from_iterable(map(_entries, paths)):
        if key not in place:
            continue
        if seen[place[key]]:
            raise UserError(f"{where}: the id {key[:40]!r} occurs twice")
        if not vector and isinstance(vector, list):
            raise UserError(f"{where}: the vector is empty")
        kind, width = kind or type(vector), width or len(vector)
        if type(vector) is not kind or (kind is list and len(vector) != width):
            raise UserError(f"{where}: the vector has another form or length than the first one")
        if isinstance(vector, dict):
            columns.extend(_columns(where, vector, vocabulary))
        try:
            values.extend(vector.values() if isinstance(vector, dict) else vector)
        except OverflowError as error:
            raise UserError(f"{where}: has numbers that are not finite") from error
        seen[place[key]] = True
        rows.append(place[key])
        ends.append(len(values))
    missing = next((key for key, row in place.items() if not seen[row]), None)
    if missing is not None:
        raise UserError(f"{file}: has no vector of {missing!r}, which is in {texts.source}")
    order, data = np.argsort(rows), np.array(values)
    if kind is list or vocabulary is None:
        return data.reshape(len(rows), width)[order]
    shape = len(texts), max(vocabulary.values()) + 1
    return sparse.csr_matrix((data, np.array(columns), np.array(ends)), shape=shape)[order]


def _entries(path: Path) -> Iterator[tuple[str, str, Any]]:
    """Place, id and vector of every line: JSON, or ``id TAB tokens``, where a token is repeated by its weight."""
    for line, content in numbered_lines(path):
        where = f"{path}, line {line}"
        if path.name.endswith(TABS):
            key, tab, tokens = content.partition("\t")
            if not tab:
                raise UserError(f"{where}: is not an id, a tab and tokens")
            yield where, key, dict(Counter(tokens.split()))
            continue
        entry = parse_json(content, str(path), line)
        try:
            key, vector = str(entry["id"]), entry["vector"]
        except (TypeError, KeyError) as error:
            raise UserError(f"{where}: is not an object with 'id' and 'vector'") from error
        if not isinstance(vector, (list, dict)) or not all(map(_is_number, _values(vector))):
            raise UserError(f"{where}: 'vector' is neither a list of numbers nor token weights")
        yield where, key, vector


def _columns(where: str, vector: Mapping[str, Any], vocabulary: Mapping[str, int] | None) -> list[int]:
    if vocabulary is None:
        raise UserError(f"{where}: has token weights; give --model, whose vocabulary names the columns")
    unknown = next((token for token in vector if token not in vocabulary), None)
    if unknown is not None:
        raise UserError(f"{where}: the token {unknown[:40]!r} is not in the vocabulary of the model")
    return [vocabulary[token] for token in vector]


def _values(vector: Any) -> Any:
    return vector.values() if isinstance(vector, dict) else vector


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
