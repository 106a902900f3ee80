"""Indexes on disk: built, interrupted, resumed, opened again, and refused where something does not fit."""

import json

import numpy as np
import pytest
import torch
from scipy import sparse

from cmploss.errors import UserError
from cmploss.retrieval import (
    DenseIndex,
    EncoderConfig,
    SparseIndex,
    build_index,
    encoder_of,
    index_builder as indexing,
    load_encoder,
    load_index,
)
from cmploss.retrieval.encoder import Encoder
from tests.retrieval.world import documents_of, save_retriever

DOCUMENTS = documents_of(21)


class StoppedError(Exception):
    pass


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(indexing, "CHUNK", 4)


@pytest.fixture
def encoded(monkeypatch):
    """The texts that were encoded as documents, in their order."""
    texts = []
    documents = Encoder.documents

    def recorded(self, batch, batch_size=32):
        texts.extend(batch)
        return documents(self, batch, batch_size)

    monkeypatch.setattr(Encoder, "documents", recorded)
    return texts


def interrupt_after(documents):
    done = 0

    def progress(count):
        nonlocal done
        done += count
        if done >= documents:
            raise StoppedError

    return progress


def test_vectors_are_those_of_the_encoder_in_the_order_of_the_collection(encoder, small_chunks, tmp_path):
    steps = []
    index = build_index(DOCUMENTS, encoder, tmp_path / "index", batch_size=3, progress=steps.append)
    alone = np.concatenate([encoder.documents([text]) for text in DOCUMENTS.texts])
    assert np.asarray(index.vectors, dtype=np.float32) == pytest.approx(alone, abs=1e-3)
    assert (index.ids, index.model) == (DOCUMENTS.ids, encoder.name)
    assert (index.vectors.dtype, isinstance(index.vectors, np.memmap)) == (np.float16, True)
    assert steps == [0, 4, 4, 4, 4, 4, 1]


def test_float32_keeps_every_digit_also_after_an_interruption(encoder, small_chunks, tmp_path):
    with pytest.raises(StoppedError):
        build_index(DOCUMENTS, encoder, tmp_path / "index", vector_type="float32", progress=interrupt_after(12))
    with pytest.raises(UserError, match="its vector_type is 'float32', not 'float16'"):
        build_index(DOCUMENTS, encoder, tmp_path / "index")
    index = build_index(DOCUMENTS, encoder, tmp_path / "index", vector_type="float32")
    assert index.vectors.dtype == np.float32
    alone = np.concatenate([encoder.documents([text]) for text in DOCUMENTS.texts])
    assert np.asarray(index.vectors) == pytest.approx(alone, abs=1e-6)
    index.save(tmp_path / "copy")
    assert (load_index(tmp_path / "copy").vectors == index.vectors).all()
    scores, rows = index.search(alone[:3], 2)
    assert scores == pytest.approx(np.take_along_axis(alone[:3] @ alone.T, rows, axis=1), abs=1e-6)


def test_an_index_that_does_not_name_its_type_goes_on(encoder, small_chunks, tmp_path):
    with pytest.raises(StoppedError):
        build_index(DOCUMENTS, encoder, tmp_path / "index", progress=interrupt_after(12))
    path = tmp_path / "index" / "index.json"
    entry = json.loads(path.read_text())
    del entry["settings"]["vector_type"]
    path.write_text(json.dumps(entry))
    assert len(build_index(DOCUMENTS, encoder, tmp_path / "index").ids) == 21


def test_documents_are_encoded_from_long_to_short(encoder, small_chunks, tmp_path, encoded):
    build_index(DOCUMENTS, encoder, tmp_path / "index")
    assert [len(text) for text in encoded] == sorted((len(text) for text in DOCUMENTS.texts), reverse=True)


def test_an_interrupted_index_goes_on_and_ends_equal(encoder, small_chunks, tmp_path, encoded):
    whole = build_index(DOCUMENTS, encoder, tmp_path / "whole")
    with pytest.raises(StoppedError):
        build_index(DOCUMENTS, encoder, tmp_path / "parts", progress=interrupt_after(12))
    with pytest.raises(UserError, match="only 12 of 21 documents are encoded"):
        load_index(tmp_path / "parts")
    encoded.clear()
    steps = []
    resumed = build_index(DOCUMENTS, encoder, tmp_path / "parts", progress=steps.append)
    assert len(encoded) == 21 - 12
    assert steps == [12, 4, 4, 1]
    assert (np.asarray(resumed.vectors) == np.asarray(whole.vectors)).all()


def test_a_finished_index_is_opened_and_not_written(encoder, tmp_path, encoded):
    build_index(DOCUMENTS, encoder, tmp_path / "index")
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "index").iterdir()}
    encoded.clear()
    build_index(DOCUMENTS, encoder, tmp_path / "index")
    assert encoded == []
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "index").iterdir()} == before


def test_another_collection_or_limit_or_folder_is_refused(encoder, retriever, tmp_path):
    build_index(DOCUMENTS, encoder, tmp_path / "index")
    with pytest.raises(UserError, match="already contains another index: its collection is"):
        build_index(documents_of(21, seed=1), encoder, tmp_path / "index")
    with pytest.raises(UserError, match="its max_length is 40, not 8"):
        build_index(DOCUMENTS, load_encoder(EncoderConfig(retriever, max_length=8)), tmp_path / "index")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match="is not empty and contains no index"):
        build_index(DOCUMENTS, encoder, tmp_path / "other")
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["thesis.txt"]


def test_the_encoder_of_an_index_encodes_queries_alike(encoder, tmp_path):
    index = build_index(DOCUMENTS, encoder, tmp_path / "index")
    _, rows = index.search(encoder_of(index).queries(DOCUMENTS.texts), 1)
    best = [DOCUMENTS.texts[row] for row in rows[:, 0]]
    assert sum(one == other for one, other in zip(best, DOCUMENTS.texts, strict=True)) >= 20  # each finds itself


def test_the_encoder_of_a_plain_index_has_its_pooling_and_limit(retriever, tmp_path):
    plain = retriever.removesuffix("retriever") + "plain"
    encoder = load_encoder(EncoderConfig(plain, "cls", max_length=9))
    index = build_index(DOCUMENTS, encoder, tmp_path / "index")
    assert encoder_of(load_index(tmp_path / "index")).settings == encoder.settings
    assert index.settings["pooling"] == "cls"


def test_an_index_built_with_another_model_is_refused(encoder, retriever, tmp_path):
    index = build_index(DOCUMENTS, encoder, tmp_path / "index")
    other = save_retriever(tmp_path, pooling="cls")
    with pytest.raises(UserError, match=r"built with another model: its pooling is 'mean' .*, not 'cls'"):
        encoder_of(index, other)
    trained = load_encoder(EncoderConfig(retriever))
    with torch.no_grad():
        next(trained.module.parameters()).add_(1e-3)
    trained.module.save(str(tmp_path / "trained"), create_model_card=False)
    with pytest.raises(UserError, match=r"built with another model: its weights is '\w{12}'"):
        encoder_of(index, str(tmp_path / "trained"))


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_an_index_is_loaded_as_it_was_saved(kind, tmp_path):
    draw = np.random.default_rng(0)
    values = draw.random((6, 4)).astype(np.float16) * (draw.random((6, 4)) < 0.5)
    ids = [f"d{row}" for row in range(6)]
    vectors = sparse.csr_matrix(values.astype(np.float32)) if kind == "sparse" else values
    index = (SparseIndex if kind == "sparse" else DenseIndex)(vectors, ids, "some/model", {"max_length": 8})
    index.save(tmp_path / "index")
    again = load_index(tmp_path / "index")
    assert (again.ids, again.model, again.settings) == (ids, "some/model", {"max_length": 8})
    dense = again.vectors.toarray() if kind == "sparse" else np.asarray(again.vectors)
    assert (dense == values).all()
    queries = np.ones((1, 4), dtype=np.float32)
    assert (again.search(queries, 3)[0] == index.search(queries, 3)[0]).all()
    with pytest.raises(UserError, match="is not empty"):
        index.save(tmp_path / "index")


def test_damaged_indexes(tmp_path):
    with pytest.raises(UserError, match="contains no index; make one with cmploss retrieve index"):
        load_index(tmp_path / "nowhere")
    DenseIndex(np.ones((2, 3), dtype=np.float16), ["a", "b"], "m").save(tmp_path / "index")
    folder = tmp_path / "index"
    (folder / "ids.txt").write_text("a\n")
    with pytest.raises(UserError, match=r"ids.txt and index.json do not belong together"):
        load_index(folder)
    (folder / "ids.txt").write_text("a\nb\n")
    np.save(folder / "vectors.npy", np.ones((3, 3), dtype=np.float16))
    with pytest.raises(UserError, match=r"vectors.npy and ids.txt do not belong together"):
        load_index(folder)
    (folder / "index.json").write_text(json.dumps({})[:1])
    with pytest.raises(UserError, match=r"index.json: is not JSON"):
        load_index(folder)
