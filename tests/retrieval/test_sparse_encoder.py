"""Token weights of texts, and the sparse indexes that are made of them: in parts, interrupted, gone on with."""

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer

from cmploss.errors import UserError
from cmploss.retrieval import (
    EncoderConfig,
    SparseIndex,
    build_index,
    encoder_of,
    index_builder as indexing,
    load_encoder,
)
from tests.local_model import SPECIAL, WORDS
from tests.retrieval.world import documents_of, save_masked_lm

DOCUMENTS = documents_of(21)
TEXTS = ["the lamp is dead", "lovely", "the new door is very bright and quick"]


class StoppedError(Exception):
    pass


@pytest.fixture(scope="module")
def masked_lm(tmp_path_factory):
    return save_masked_lm(tmp_path_factory.mktemp("masked_lm"))


@pytest.fixture(scope="module")
def encoder(masked_lm):
    return load_encoder(EncoderConfig(masked_lm, kind="sparse"))


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(indexing, "CHUNK", 4)


def largest_logits(folder, text, head):
    """Of each word, the largest logit over the tokens of one text, without padding; of special tokens 0."""
    inputs = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")
    with torch.no_grad():
        if head == "mlm":
            logits = AutoModelForMaskedLM.from_pretrained(folder).eval()(**inputs).logits[0]
        else:
            model = AutoModel.from_pretrained(folder).eval()
            logits = model(**inputs).last_hidden_state[0] @ model.embeddings.word_embeddings.weight.T
    most = logits.max(0).values
    most[: len(SPECIAL)] = 0
    return most.numpy()


@pytest.mark.parametrize("head", ["mlm", "tied"])
def test_weights_are_the_largest_logits(head, masked_lm, retriever):
    folder = masked_lm if head == "mlm" else retriever.removesuffix("retriever") + "plain"
    encoder = load_encoder(EncoderConfig(folder, kind="sparse"))
    most = np.array([largest_logits(folder, text, head) for text in TEXTS])
    assert (most < 0).sum() > 3
    assert encoder.queries(TEXTS) == pytest.approx(np.maximum(most, 0), abs=1e-5)
    assert encoder.documents(TEXTS, batch_size=2).toarray() == pytest.approx(np.maximum(most, 0), abs=1e-5)
    assert (encoder.settings["head"], encoder.width) == (head, len(WORDS))


def test_weights_as_of_splade_or_of_length_1(masked_lm, encoder):
    weights = encoder.queries(TEXTS)
    log = load_encoder(EncoderConfig(masked_lm, kind="sparse", token_weights="log")).queries(TEXTS)
    assert log == pytest.approx(np.log(1 + weights), abs=1e-5)
    unit = load_encoder(EncoderConfig(masked_lm, kind="sparse", token_weights="l2")).queries(TEXTS)
    assert unit == pytest.approx(weights / np.linalg.norm(weights, axis=1, keepdims=True), abs=1e-5)


def test_documents_keep_their_largest_weights(masked_lm, encoder):
    few = load_encoder(EncoderConfig(masked_lm, kind="sparse", max_terms=3))
    every = encoder.queries(TEXTS)
    assert ((every > 0).sum(1) > 3).all()
    found = few.documents(TEXTS).toarray()
    for row, kept in zip(every, found, strict=True):
        assert sorted(kept[kept > 0]) == pytest.approx(sorted(row)[-3:], abs=1e-6)
        assert kept[kept > 0] == pytest.approx(row[kept > 0], abs=1e-6)
    assert few.queries(TEXTS) == pytest.approx(every, abs=1e-6)


def test_a_shorter_limit_cuts_texts(masked_lm):
    encoder = load_encoder(EncoderConfig(masked_lm, kind="sparse", max_length=4))  # [CLS], two words, [SEP]
    assert encoder.queries(["the lamp is dead"]) == pytest.approx(encoder.queries(["the lamp"]), abs=1e-6)
    assert encoder.settings["max_length"] == 4


def test_an_index_has_the_weights_in_the_order_of_the_collection(encoder, small_chunks, tmp_path):
    index = build_index(DOCUMENTS, encoder, tmp_path / "index", batch_size=3)
    alone = np.concatenate([encoder.queries([text]) for text in DOCUMENTS.texts])
    assert isinstance(index, SparseIndex)
    assert index.vectors.toarray() == pytest.approx(alone, abs=1e-5)
    assert index.vectors.has_canonical_format
    assert (index.ids, index.model, index.settings["token_weights"]) == (DOCUMENTS.ids, encoder.name, "relu")
    files = sorted(path.name for path in (tmp_path / "index").iterdir())
    assert files == ["data.npy", "ids.txt", "index.json", "indices.npy", "indptr.npy"]


@pytest.mark.parametrize("notes", [0, 1, 3, 5, 6, 7])
def test_an_interrupted_index_goes_on_and_ends_equal(notes, encoder, small_chunks, tmp_path, monkeypatch):
    """21 documents are 6 chunks: stopped before each note of how far it has come, and before the chunks are removed."""
    whole = build_index(DOCUMENTS, encoder, tmp_path / "whole")
    write_json, written = indexing.write_json, []

    def stopped(*args):
        if len(written) == notes:
            raise StoppedError
        written.append(write_json(*args))

    with monkeypatch.context() as patch:
        patch.setattr(indexing, "write_json", stopped)
        patch.setattr(indexing, "_remove_chunks", stopped)
        with pytest.raises(StoppedError):
            build_index(DOCUMENTS, encoder, tmp_path / "parts")
    steps = []
    resumed = build_index(DOCUMENTS, encoder, tmp_path / "parts", progress=steps.append)
    assert (sum(steps), steps[0]) == (21, min(max(notes - 1, 0) * 4, 21))
    assert (resumed.vectors != whole.vectors).nnz == 0
    assert not list((tmp_path / "parts").glob("chunk-*"))


def test_the_encoder_of_an_index_is_the_one_that_made_it(masked_lm, tmp_path):
    encoder = load_encoder(EncoderConfig(masked_lm, kind="sparse", max_length=9, token_weights="log", max_terms=5))
    index = build_index(DOCUMENTS, encoder, tmp_path / "index")
    assert encoder_of(index).settings == encoder.settings
    with torch.no_grad():
        next(encoder.model.parameters()).add_(1e-3)
    encoder.model.encoder.save_pretrained(tmp_path / "trained")
    encoder.tokenizer.save_pretrained(tmp_path / "trained")
    with pytest.raises(UserError, match=r"built with another model: its weights is '\w{12}'"):
        encoder_of(index, str(tmp_path / "trained"))
    with pytest.raises(UserError, match="of by hand is of another tool"):
        encoder_of(SparseIndex(index.vectors, index.ids, "by hand"), masked_lm)


def test_a_model_that_gives_no_weight_makes_no_index(encoder, tmp_path, monkeypatch):
    monkeypatch.setattr(type(encoder), "queries", lambda self, texts, size: np.zeros((len(texts), self.width)))
    with pytest.raises(UserError, match="no document has a token weight above 0"):
        build_index(DOCUMENTS, encoder, tmp_path / "index")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"token_weights": "log1p"}, "weights='log1p' is unknown; allowed: relu, log, l2"),
        ({"pooling": "cls"}, "--pooling does not apply to --kind sparse; leave it out"),
        ({"max_terms": 0}, "--max_terms must be >= 1, got 0"),
        ({"max_length": 41}, "--max_length 41.*3 to 40"),
        ({"model": "no/such"}, "no/such cannot be loaded"),
    ],
)
def test_faulty_choices(masked_lm, options, words):
    with pytest.raises(ValueError, match=words):
        load_encoder(EncoderConfig(**{"model": masked_lm, "kind": "sparse", **options}))
